"""The datastores of a workspace, which represent file shares and blob containers."""

from typing import Any

from harness.resources.provisioning import Provisioning
from harness.resources.tags import tags_of
from harness.scenario.azureml import datastore_name
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import MountPlan

_TYPES = {"share": ("AzureFile", "fileShareName"), "container": ("AzureBlob", "containerName")}


def name_of_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> str:
    """The name of a datastore; in an existing workspace it contains the run, so that no other run deletes it."""
    name = datastore_name(mount.kind, mount.name)
    return name if workspace.is_owned else f"{name}_{provisioning.cloud.facts.suffix}"


def make_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Create a datastore for storage of the settings' account.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    facts, identifier = provisioning.cloud.facts, _id(provisioning, workspace, mount)
    type_, member = _TYPES[mount.kind]
    body: dict[str, Any] = {
        "datastoreType": type_,
        "accountName": facts.storage_account,
        member: mount.name,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "credentials": _credentials(facts.storage_key),
        "tags": tags_of(provisioning, identifier),
    }
    provisioning.clients.management(RestClient).send(
        "PUT", identifier, body={"properties": body}, skipValidation="true"
    )


def _credentials(key: str) -> dict[str, Any]:
    """The credentials of a datastore; none without a key, because jobs use identities then."""
    if not key:
        return {"credentialsType": "None"}
    return {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": key}}


def delete_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> None:
    """Delete a datastore of this run, but not its share or container.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    client, identifier = provisioning.clients.management(RestClient), _id(provisioning, workspace, mount)
    if client.find(identifier) is not None:
        client.send("DELETE", identifier)


def _id(provisioning: Provisioning, workspace: WorkspaceAddress, mount: MountPlan) -> str:
    """The resource id of a datastore."""
    return f"{workspace.id}/datastores/{name_of_datastore(provisioning, workspace, mount)}"
