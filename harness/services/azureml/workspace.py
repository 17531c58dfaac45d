"""The workspace of computes and jobs: an existing one, or one that is created for a run and deleted with it.

A new workspace needs a storage account, a key vault, Application Insights and the Log Analytics workspace behind that.
All of them are created in the resource group of the run, and deleted with the group.
"""

from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from harness.clouds import Clients
from harness.errors import ProvisioningError
from harness.resources.events import StepEnded, StepStarted
from harness.resources.provisioning import Provisioning
from harness.resources.tags import group_id, tags_of
from harness.services.azureml.names import dependency_suffix
from harness.services.azureml.rest_client import RestClient

PROVIDER = "Microsoft.MachineLearningServices"
_STORAGE, _VAULTS = "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"
_INSIGHTS, _LOGS = "Microsoft.Insights/components", "Microsoft.OperationalInsights/workspaces"
DEPENDENCIES = tuple(type_.partition("/")[0] for type_ in (_STORAGE, _VAULTS, _INSIGHTS, _LOGS))
"""The resource providers of the dependencies of a new workspace."""

_VERSIONS = {_STORAGE: "2023-05-01", _VAULTS: "2023-07-01", _INSIGHTS: "2020-02-02", _LOGS: "2022-10-01"}
_SUBSCRIPTION_VERSION = "2022-12-01"
_CREATION_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class WorkspaceAddress:
    """The address of a workspace; ``is_owned`` means that the run creates and deletes it."""

    subscription: str
    group: str
    name: str
    is_owned: bool

    @property
    def id(self) -> str:
        """Its resource id."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        return f"{group}/providers/{PROVIDER}/workspaces/{self.name}"


def make_workspace(provisioning: Provisioning, address: WorkspaceAddress, *, location: str) -> None:
    """Create a workspace and its dependencies, unless an earlier attempt has created them.

    Raises:
        HttpResponseError: the cloud refuses.
        ProvisioningError: the creation took too long.
    """
    provisioning.sink(StepStarted("creating workspace", address.name))
    client = provisioning.clients.management(RestClient)
    ids = _make_dependencies(provisioning, address, location=location)
    body = {
        "location": location,
        "identity": {"type": "SystemAssigned"},
        "tags": tags_of(provisioning, address.id),
        "properties": {"friendlyName": address.name, **ids, "publicNetworkAccess": "Enabled"},
    }
    try:
        response = client.send("PUT", address.id, body=body)
    except HttpResponseError as error:
        if "soft-deleted" not in str(error).lower():
            raise
        raise ProvisioningError(
            f"a workspace {address.name} in resource group {address.group} was deleted less than 14 days ago and keeps "
            f"its name; delete it permanently: az ml workspace delete --name {address.name} --resource-group "
            f"{address.group} --permanently-delete; or name another resource_group in the scenario"
        ) from None
    action = f"create workspace {address.name}"
    client.finish(response, provisioning.clients.poller, action=action, deadline=_CREATION_SECONDS)
    provisioning.sink(StepEnded("creating workspace", address.name))


def delete_workspace(clients: Clients, identifier: str) -> None:
    """Permanently delete a workspace, given by its id; otherwise its name would be taken for 14 days.

    Raises:
        HttpResponseError: the cloud refuses.
        ProvisioningError: the deletion took too long.
    """
    client = clients.management(RestClient)
    try:
        response = client.send("DELETE", identifier, forceToPurge="true")
    except ResourceNotFoundError:
        return
    action = f"delete workspace {identifier.rpartition('/')[2]}"
    client.finish(response, clients.poller, action=action, deadline=_CREATION_SECONDS)


def _make_dependencies(provisioning: Provisioning, address: WorkspaceAddress, *, location: str) -> dict[str, str]:
    """Create the dependencies of a workspace, and return their ids by field of its body."""
    client = provisioning.clients.management(RestClient)
    unique = dependency_suffix(provisioning.cloud.facts.suffix, group=address.group, workspace=address.name)
    subscription = client.get(f"/subscriptions/{address.subscription}", version=_SUBSCRIPTION_VERSION)
    tags = tags_of(provisioning, group_id(provisioning.cloud.facts, address.group))
    common: dict[str, Any] = {"location": location, "tags": tags}
    vault: dict[str, Any] = {
        "tenantId": subscription.get("tenantId"),
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enableRbacAuthorization": True,
    }
    account = {"minimumTlsVersion": "TLS1_2", "supportsHttpsTrafficOnly": True, "allowBlobPublicAccess": False}
    # Names of accounts and vaults are globally unique; a vault keeps its name even after its deletion.
    storage = _make(provisioning, address, _STORAGE, f"hml{unique}", {
        **common, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": account,
    })  # fmt: skip
    logs = _make(provisioning, address, _LOGS, f"hml-{unique}", {
        **common, "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30},
    })  # fmt: skip
    insights = _make(provisioning, address, _INSIGHTS, f"hml-{unique}", {
        **common, "kind": "web", "properties": {"Application_Type": "web", "WorkspaceResourceId": logs},
    })  # fmt: skip
    key_vault = _make(provisioning, address, _VAULTS, f"hml-{unique}", {**common, "properties": vault})
    return {"storageAccount": storage, "keyVault": key_vault, "applicationInsights": insights}


def _make(provisioning: Provisioning, address: WorkspaceAddress, type_: str, name: str, body: dict[str, Any]) -> str:
    """Create a resource in the group of a workspace, and return its id."""
    client = provisioning.clients.management(RestClient)
    identifier = f"{group_id(provisioning.cloud.facts, address.group)}/providers/{type_}/{name}"
    response = client.send("PUT", identifier, body=body, version=_VERSIONS[type_])
    client.finish(response, provisioning.clients.poller, action=f"create {type_} {name}", deadline=_CREATION_SECONDS)
    return identifier
