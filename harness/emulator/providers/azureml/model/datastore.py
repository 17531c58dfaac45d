"""Datastores: a workspace's names for containers and shares, with their credentials."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from harness.emulator.engine.model.records import Record, Workspace
from harness.emulator.providers.azureml.model.documents import Document, format_time, system_data
from harness.emulator.providers.azureml.model.workspace import TYPE, WorkspaceDetails

StoreType = Literal["AzureBlob", "AzureFile"]

DEFAULT = "workspaceblobstore"
ARTIFACTS = "workspaceartifactstore"
_WORKING_SHARE = "code-391ff5ac-6576-460f-ba4d-7e03433c68b6"  # the same in every workspace of the service


class Datastore(Record, frozen=True):
    """A datastore without its secret; ``store`` is its container or share, ``made_by_service`` marks the first four."""

    name: str
    type: StoreType
    account: str
    store: str
    created: datetime
    written: datetime
    credentials: str = "None"
    description: str | None = None
    tags: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    endpoint: str = "core.windows.net"
    protocol: str = "https"
    is_default: bool = False
    made_by_service: bool = False
    subscription: str = ""
    group: str = ""


class DatastoreSecret(Record, frozen=True):
    """The account key or SAS of a datastore, stored under the datastore's key."""

    value: str

    def __repr__(self) -> str:
        return "DatastoreSecret()"


def datastore_key(workspace: Workspace, name: str) -> str:
    """The store's key of a datastore."""
    return f"{workspace.key}/datastores/{name.lower()}"


def first_datastores(details: WorkspaceDetails, account: str, now: datetime) -> Iterator[Datastore]:
    """The four datastores of a new workspace, over containers and shares whose names hold its id."""
    identifier = details.workspace_id
    stores: tuple[tuple[str, StoreType, str], ...] = (
        (DEFAULT, "AzureBlob", f"azureml-blobstore-{identifier}"),
        (ARTIFACTS, "AzureBlob", "azureml"),
        ("workspacefilestore", "AzureFile", f"azureml-filestore-{identifier}"),
        ("workspaceworkingdirectory", "AzureFile", _WORKING_SHARE),
    )
    for name, type_, store in stores:
        yield Datastore(
            name, type_, account, store, now, now, "AccountKey", is_default=name == DEFAULT, made_by_service=True
        )


def wire(workspace: Workspace, datastore: Datastore, *, by: str) -> Document:
    """The wire form of a datastore, with the recorded order of keys."""
    properties: Document = {
        "description": datastore.description,
        "tags": datastore.tags,
        "properties": datastore.properties,
        "isDefault": datastore.is_default,
        "credentials": {"credentialsType": datastore.credentials},
    }
    if datastore.type == "AzureBlob":
        properties["subscriptionId"] = datastore.subscription or None
        properties["resourceGroup"] = datastore.group or None
    properties["datastoreType"] = datastore.type
    properties["accountName"] = datastore.account
    properties["containerName" if datastore.type == "AzureBlob" else "fileShareName"] = datastore.store
    properties["endpoint"] = datastore.endpoint
    properties["protocol"] = datastore.protocol
    properties["serviceDataAccessAuthIdentity"] = "None"
    return {
        "id": f"{workspace.address.id('workspace')}/datastores/{datastore.name}",
        "name": datastore.name,
        "type": f"{TYPE}/datastores",
        "properties": properties,
        "systemData": _system_data(datastore, by),
    }


def _system_data(datastore: Datastore, by: str) -> Document:
    if datastore.made_by_service:  # the service's own datastores have no author
        return {"createdAt": format_time(datastore.created), "lastModifiedAt": format_time(datastore.written)}
    return system_data(datastore.created, datastore.written, by=by)
