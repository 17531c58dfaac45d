"""The datastore by which a workspace knows a file share."""

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.resources.tags import read_tags, tags_of
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress


def make_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, *, name: str, share: str) -> None:
    """Create a datastore for a share of the settings' storage account; one for the same share is used as it is.

    Raises:
        HttpResponseError: the cloud refuses.
        ProvisioningError: the name is taken by another share.
    """
    client, facts = provisioning.clients.management(RestClient), provisioning.cloud.facts
    identifier = datastore_id(workspace, name)
    if not workspace.is_made and (found := client.find(identifier)):
        properties = found["properties"]
        known = (properties.get("accountName"), properties.get("fileShareName"))
        if known != (facts.storage_account, share):
            raise ProvisioningError(
                f"datastore {name} of workspace {workspace.name} is {known[1]} of account {known[0]}, not the share "
                f"{share} of {facts.storage_account}; name another share in the scenario"
            )
        return
    body = {
        "datastoreType": "AzureFile",
        "accountName": facts.storage_account,
        "fileShareName": share,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "credentials": {
            "credentialsType": "AccountKey",
            "secrets": {"secretsType": "AccountKey", "key": facts.storage_key},
        },
        "tags": tags_of(provisioning, identifier),
    }
    client.send("PUT", identifier, body={"properties": body}, skipValidation="true")


def delete_datastore(provisioning: Provisioning, workspace: WorkspaceAddress, *, name: str) -> None:
    """Delete a datastore that this run has made; the share stays.

    Raises:
        HttpResponseError: the cloud refuses.
    """
    client, identifier = provisioning.clients.management(RestClient), datastore_id(workspace, name)
    found = client.find(identifier)
    label = read_tags(found["properties"].get("tags")) if found else None
    if label is not None and label.names(identifier) and label.run == provisioning.run:
        client.send("DELETE", identifier)


def datastore_id(workspace: WorkspaceAddress, name: str) -> str:
    """The resource id of a datastore."""
    return f"{workspace.id}/datastores/{name}"
