"""Leftovers of killed runs in workspaces that they did not create: computes, datastores and jobs with our tags."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from azure.core.exceptions import HttpResponseError

from harness.clouds import Clients, Cloud
from harness.resources.azure_errors import NO_PROVIDER, azure_errors
from harness.resources.reap import Found, Kind
from harness.resources.tags import RUN_TAG, Label, read_tags
from harness.services.azureml.compute import delete_compute
from harness.services.azureml.job import delete_job
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import PROVIDER, delete_workspace

_MOST_WORKSPACES = 200  # the most workspaces of a subscription that are searched
_COLLECTIONS: dict[Kind, str] = {"compute": "computes", "datastore": "datastores", "job": "jobs"}


class AzureMlLeftovers:
    """Finds and deletes leftovers of runs in the workspaces of a subscription."""

    def find(self, cloud: Cloud, clients: Clients) -> list[Found]:
        """The computes, datastores and jobs that carry tags of the harness.

        Those in a group of the harness are deleted with it, and found all the same.

        Raises:
            CloudError: they cannot be listed.
        """
        client = clients.management(RestClient)
        with azure_errors("list what is in the workspaces", cloud.name):
            workspaces = _workspaces(client, f"/subscriptions/{client.subscription_id}")
            return [found for workspace in islice(workspaces, _MOST_WORKSPACES) for found in _in(client, workspace)]

    def label(self, found: Found, clients: Clients) -> Label | None:
        """The present tags of a resource; None if it does not exist any more."""
        document = clients.management(RestClient).find(found.id)
        return None if document is None else _label(found.kind, document)

    def delete(self, found: Found, clients: Clients) -> None:
        """Delete a resource, and return when it does not exist any more."""
        if found.kind == "job":
            delete_job(clients, found.id, found.name)
        elif found.kind == "compute":
            delete_compute(clients, found.id)
        else:
            clients.management(RestClient).send("DELETE", found.id)

    def purge(self, group: str, clients: Clients) -> None:
        """Delete for good the workspaces that runs made in a group, whose names would be taken for 14 days otherwise.

        Somebody else's is deleted with the group, and can be recovered.
        """
        client = clients.management(RestClient)
        for workspace in list(_workspaces(client, f"/subscriptions/{client.subscription_id}/resourceGroups/{group}")):
            label = read_tags(workspace.get("tags"))
            if label is not None and label.names(workspace["id"]):
                delete_workspace(clients, workspace["id"])


def _workspaces(client: RestClient, scope: str) -> Iterator[dict[str, Any]]:
    """The workspaces of a subscription or a group; none where the service was never used."""
    try:
        yield from client.list(f"{scope}/providers/{PROVIDER}/workspaces")
    except HttpResponseError as error:
        if error.error is None or error.error.code not in NO_PROVIDER:
            raise


def _in(client: RestClient, workspace: dict[str, Any]) -> Iterator[Found]:
    for kind, collection in _COLLECTIONS.items():
        query = {"tag": RUN_TAG, "listViewType": "All"} if kind == "job" else {}
        for document in client.list(f"{workspace['id']}/{collection}", **query):
            if label := _label(kind, document):
                yield Found(kind, f"{workspace['name']}/{document['name']}", str(document["id"]), label)


def _label(kind: Kind, document: dict[str, Any]) -> Label | None:
    return read_tags(document.get("tags") if kind == "compute" else document["properties"].get("tags"))
