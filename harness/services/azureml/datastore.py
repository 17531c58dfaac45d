"""The datastores by which a workspace knows file shares and blob containers."""

from typing import Any

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.resources.tags import read_tags, tags_of
from harness.services.azureml.names import datastore_name
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import MountPlan

_TYPES = {"share": ("AzureFile", "fileShareName"), "container": ("AzureBlob", "containerName")}


def make_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Create a datastore for storage of the settings' account; one for the same storage is used as it is.

    Raises:
        HttpResponseError: the cloud refuses.
        ProvisioningError: the name is taken by other storage.
    """
    client, facts = provisioning.clients.management(RestClient), provisioning.cloud.facts
    name, (type_, member) = datastore_name(mount.kind, mount.name), _TYPES[mount.kind]
    identifier = datastore_id(workspace, mount)
    if not workspace.is_made and (found := client.find(identifier)):
        properties = found["properties"]
        known = (properties.get("accountName"), properties.get(member))
        if known != (facts.storage_account, mount.name):
            raise ProvisioningError(
                f"datastore {name} of workspace {workspace.name} is {known[1]} of account {known[0]}, not the "
                f"{mount.kind} {mount.name} of {facts.storage_account}; name another {mount.kind} in the scenario"
            )
        return
    body: dict[str, Any] = {
        "datastoreType": type_,
        "accountName": facts.storage_account,
        member: mount.name,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "credentials": {
            "credentialsType": "AccountKey",
            "secrets": {"secretsType": "AccountKey", "key": facts.storage_key},
        },
        "tags": tags_of(provisioning, identifier),
    }
    client.send("PUT", identifier, body={"properties": body}, skipValidation="true")


def delete_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Delete a datastore that this run has made; what it names stays.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    client, identifier = provisioning.clients.management(RestClient), datastore_id(workspace, mount)
    found = client.find(identifier)
    label = read_tags(found["properties"].get("tags")) if found else None
    if label is not None and label.names(identifier) and label.run == provisioning.run:
        client.send("DELETE", identifier)


def datastore_id(workspace: WorkspaceAddress, mount: MountPlan) -> str:
    """The resource id of a datastore."""
    return f"{workspace.id}/datastores/{datastore_name(mount.kind, mount.name)}"
