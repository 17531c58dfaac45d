"""Computes, datastores and jobs with the harness's tags, in existing workspaces, for ``harness reap``."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from azure.core.exceptions import HttpResponseError

from harness.clouds import Clients, Cloud
from harness.resources.azure_errors import NO_PROVIDER, azure_errors
from harness.resources.reap import Kind, TaggedResource
from harness.resources.tags import RUN_TAG, Label, read_tags
from harness.services.azureml.compute import delete_compute
from harness.services.azureml.job import delete_job
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import PROVIDER, delete_workspace

_MOST_WORKSPACES = 200  # the most workspaces of a subscription that are searched
_COLLECTIONS: dict[Kind, str] = {"compute": "computes", "datastore": "datastores", "job": "jobs"}


class AzureMlTaggedResources:
    """Finds and deletes resources of runs in the workspaces of a subscription."""

    def find(self, cloud: Cloud, clients: Clients) -> list[TaggedResource]:
        """List the computes, datastores and jobs that carry tags of the harness.

        The list includes those in a group of the harness, which are deleted with the group.

        Raises:
            CloudError: they cannot be listed.
        """
        client = clients.management(RestClient)
        with azure_errors("list what is in the workspaces", cloud.name):
            workspaces = _workspaces(client, f"/subscriptions/{client.subscription_id}")
            return [
                resource
                for workspace in islice(workspaces, _MOST_WORKSPACES)
                for resource in _tagged_resources(client, workspace)
            ]

    def label(self, resource: TaggedResource, clients: Clients) -> Label | None:
        """The present tags of a resource; None if it no longer exists."""
        document = clients.management(RestClient).find(resource.id)
        return None if document is None else _label(resource.kind, document)

    def delete(self, resource: TaggedResource, clients: Clients) -> None:
        """Delete a resource, and return when it no longer exists."""
        if resource.kind == "job":
            delete_job(clients, resource.id, resource.name)
        elif resource.kind == "compute":
            delete_compute(clients, resource.id)
        else:
            clients.management(RestClient).send("DELETE", resource.id)

    def purge(self, group: str, clients: Clients) -> None:
        """Permanently delete the workspaces that runs created in a group; otherwise their names are taken for 14 days.

        Other workspaces are deleted with the group, and can be recovered.
        """
        client = clients.management(RestClient)
        for workspace in list(_workspaces(client, f"/subscriptions/{client.subscription_id}/resourceGroups/{group}")):
            label = read_tags(workspace.get("tags"))
            if label is not None and label.describes(workspace["id"]):
                delete_workspace(clients, workspace["id"])


def _workspaces(client: RestClient, scope: str) -> Iterator[dict[str, Any]]:
    """The workspaces of a subscription or a group; none if the service was never used."""
    try:
        yield from client.list(f"{scope}/providers/{PROVIDER}/workspaces")
    except HttpResponseError as error:
        if error.error is None or error.error.code not in NO_PROVIDER:
            raise


def _tagged_resources(client: RestClient, workspace: dict[str, Any]) -> Iterator[TaggedResource]:
    for kind, collection in _COLLECTIONS.items():
        query = {"tag": RUN_TAG, "listViewType": "All"} if kind == "job" else {}
        for document in client.list(f"{workspace['id']}/{collection}", **query):
            if label := _label(kind, document):
                yield TaggedResource(kind, f"{workspace['name']}/{document['name']}", str(document["id"]), label)


def _label(kind: Kind, document: dict[str, Any]) -> Label | None:
    return read_tags(document.get("tags") if kind == "compute" else document["properties"].get("tags"))
