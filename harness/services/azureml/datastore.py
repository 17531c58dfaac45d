"""The datastores by which a workspace knows file shares and blob containers."""

from typing import Any

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.resources.tags import read_tags, tags_of
from harness.scenario.azureml import datastore_name
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import MountPlan

_TYPES = {"share": ("AzureFile", "fileShareName"), "container": ("AzureBlob", "containerName")}


def make_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Create a datastore for storage of the settings' account; one for the same storage is used as it is.

    One that an ended run has left gets the tags of this run, so that nobody reaps it.

    Raises:
        HttpResponseError: the cloud refuses.
        ProvisioningError: the name is taken by other storage.
    """
    client, facts = provisioning.clients.management(RestClient), provisioning.cloud.facts
    name, (_, member) = datastore_name(mount.kind, mount.name), _TYPES[mount.kind]
    identifier = datastore_id(workspace, mount)
    if not workspace.is_made and (found := client.find(identifier)):
        properties = found["properties"]
        known = (properties.get("accountName"), properties.get(member))
        if known != (facts.storage_account, mount.name):
            raise ProvisioningError(
                f"datastore {name} of workspace {workspace.name} is {known[1]} of account {known[0]}, not the "
                f"{mount.kind} {mount.name} of {facts.storage_account}; name another {mount.kind} in the scenario"
            )
        label = read_tags(properties.get("tags"))
        now = provisioning.cloud.clock.now()
        if label is None or not label.names(identifier) or label.may_be_alive(now):
            return
    _put(provisioning, workspace, mount)


def keep_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Write into the tags of a datastore that this run has made that the run has ended and kept it.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    if _is_ours(provisioning, datastore_id(workspace, mount)):
        _put(provisioning, workspace, mount, is_kept=True)


def _put(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan, *, is_kept: bool = False) -> None:
    facts, identifier = provisioning.cloud.facts, datastore_id(workspace, mount)
    type_, member = _TYPES[mount.kind]
    body: dict[str, Any] = {
        "datastoreType": type_,
        "accountName": facts.storage_account,
        member: mount.name,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "credentials": _credentials(facts.storage_key),
        "tags": tags_of(provisioning, identifier, is_kept=is_kept),
    }
    provisioning.clients.management(RestClient).send(
        "PUT", identifier, body={"properties": body}, skipValidation="true"
    )


def _credentials(key: str) -> dict[str, Any]:
    """What a datastore opens storage with; without a key nothing: jobs have identities of their own."""
    if not key:
        return {"credentialsType": "None"}
    return {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": key}}


def delete_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Delete a datastore that this run has made; what it names stays.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    client, identifier = provisioning.clients.management(RestClient), datastore_id(workspace, mount)
    if _is_ours(provisioning, identifier):
        client.send("DELETE", identifier)


def _is_ours(provisioning: Provisioning, identifier: str) -> bool:
    """Whether this run has written the tags of a datastore."""
    found = provisioning.clients.management(RestClient).find(identifier)
    label = read_tags(found["properties"].get("tags")) if found else None
    return label is not None and label.belongs_to(identifier, provisioning.run)


def datastore_id(workspace: WorkspaceAddress, mount: MountPlan) -> str:
    """The resource id of a datastore."""
    return f"{workspace.id}/datastores/{datastore_name(mount.kind, mount.name)}"
