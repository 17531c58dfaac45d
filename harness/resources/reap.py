"""Deletion of resources that earlier runs left in a cloud: tags and the journal find them, pure rules decide."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, Protocol

from azure.common import AzureMissingResourceHttpError
from azure.core.exceptions import ResourceNotFoundError

from harness import resources
from harness.clouds import Clients, Cloud, CloudFacts
from harness.errors import CloudError
from harness.resources.azure_errors import azure_errors
from harness.resources.journal import Entry, Journal
from harness.resources.owner import Owner, this_process
from harness.resources.provisioning import delete_with_retries
from harness.resources.tags import Label, container_id, describe_origin, group_id, read_metadata, read_tags, share_id

Kind = Literal["resource group", "file share", "blob container", "compute", "datastore", "job"]

GROUP: Kind = "resource group"
SHARE: Kind = "file share"
CONTAINER: Kind = "blob container"
_ORDER: tuple[Kind, ...] = ("job", "compute", "datastore", GROUP, SHARE, CONTAINER)  # of deletions


@dataclass(frozen=True, slots=True)
class TaggedResource:
    """A resource that carries tags of the harness.

    Attributes:
        id: the resource id, which its tags must contain.
    """

    kind: Kind
    name: str
    id: str
    label: Label


class ServiceResources(Protocol):
    """The resources of a service besides groups and storage, in workspaces that no run has created."""

    def find(self, cloud: Cloud, clients: Clients) -> list[TaggedResource]:
        """The resources that carry tags of the harness. Raises CloudError."""

    def label(self, resource: TaggedResource, clients: Clients) -> Label | None:
        """The present tags of a resource. Raises AzureError."""

    def delete(self, resource: TaggedResource, clients: Clients) -> None:
        """Delete a resource, and return when it no longer exists. Raises AzureError or CloudError."""

    def purge(self, group: str, clients: Clients) -> None:
        """Delete permanently what the deletion of a group would leave recoverable. Raises AzureError or CloudError."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a resource may be deleted, and why."""

    resource: TaggedResource
    delete: bool
    reason: str


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """The result of a deletion; ``error`` is empty if it succeeded."""

    verdict: Verdict
    error: str


def find(cloud: Cloud, clients: Clients, services: ServiceResources | None = None) -> list[TaggedResource]:
    """The groups of the subscription, and shares and containers of the storage account, that carry tags of the harness.

    Without the key of the account, its shares are not searched.

    Args:
        cloud: the cloud to search.
        clients: the clients of the cloud.
        services: finds further resources of services; by default none.

    Raises:
        CloudError: they cannot be listed.
    """
    facts = cloud.facts
    with azure_errors("list resource groups", cloud.name):
        groups = [
            TaggedResource(GROUP, group.name, group_id(facts, group.name), label)
            for group in clients.resources.resource_groups.list()
            if (label := read_tags(group.tags))
        ]
    with azure_errors(f"list the shares of {facts.storage_account}", cloud.name):
        shares = [
            TaggedResource(SHARE, share.name, share_id(facts, share.name), label)
            for share in (_shares(clients) if facts.storage_key else ())
            if (label := read_metadata(_metadata(share, clients)))
        ]
    with azure_errors(f"list the containers of {facts.storage_account}", cloud.name):
        containers = [
            TaggedResource(CONTAINER, name, container_id(facts, name), label)
            for name, metadata in resources.list_containers(clients)
            if (label := read_metadata(metadata))
        ]
    return groups + shares + containers + (services.find(cloud, clients) if services is not None else [])


def decide(resource: TaggedResource, now: datetime, *, older_than: timedelta = timedelta(0)) -> Verdict:
    """Decide whether a resource may be deleted.

    It must never be deleted while the process that created it runs, or if its tags were written on another resource.
    Otherwise it may be deleted when it has expired. Before that, it may be deleted only if the process ran on this
    machine since its last boot, and has ended.

    Args:
        resource: the resource.
        now: the time.
        older_than: the resource is kept if it is younger, or of unknown age.
    """
    label = resource.label
    if not label.describes(resource.id):
        return Verdict(resource, delete=False, reason=_untrusted_tags(label))
    state = label.owner.state if label.owner else "elsewhere"
    if state == "running":
        return Verdict(resource, delete=False, reason=f"its run is alive (process {_pid(label.owner)})")
    if older_than and (label.created is None or now - label.created < older_than):
        return Verdict(resource, delete=False, reason=f"not older than {older_than}")
    if label.expires is not None and now >= label.expires:
        return Verdict(resource, delete=True, reason=f"expired at {label.expires:%Y-%m-%d %H:%M} UTC")
    if state == "ended":
        return Verdict(resource, delete=True, reason=f"its run has ended (process {_pid(label.owner)})")
    origin = describe_origin(label.owner) if label.owner else "its owner cannot be read"
    until = f"until {label.expires:%Y-%m-%d %H:%M} UTC" if label.expires else "for ever: its expiry cannot be read"
    return Verdict(resource, delete=False, reason=f"{origin}, {until}")


def reap(
    verdicts: Sequence[Verdict],
    cloud: Cloud,
    clients: Clients,
    *,
    report: Callable[[DeletionResult], None],
    services: ServiceResources | None = None,
) -> list[DeletionResult]:
    """Delete the resources that may be deleted, with a few retries.

    Jobs and computes come first, because they cost most; then groups, because their clusters mount the shares.

    The tags of each resource are read again before it is deleted: it is kept if another run has taken it over.

    Args:
        verdicts: the results of ``decide``.
        cloud: the cloud that contains the resources.
        clients: the clients of the cloud.
        report: called with each result.
        services: deletes further resources of services.
    """
    results = []
    chosen = (verdict for verdict in verdicts if verdict.delete)
    for verdict in sorted(chosen, key=lambda verdict: _ORDER.index(verdict.resource.kind)):
        error = _error_of(partial(_delete, verdict.resource, clients, services), verdict.resource, cloud)
        results.append(DeletionResult(verdict, error))
        report(results[-1])
    return results


def close_entries(
    journal: Journal, cloud: Cloud, clients: Clients, services: ServiceResources | None = None
) -> list[Entry]:
    """Close the journal's entries of resources that no longer exist; return the open entries of ended runs.

    Clusters and jobs are taken to exist as long as their group, or as long as any resource of their run is in a
    workspace that no run has created, because an entry does not name the workspace.

    Entries of shares and containers in another storage account remain, because the cloud does not list them. So do
    entries of an emulator on another machine, whose data directory may have the same path as one on this machine.

    Raises:
        CloudError: the resources of the cloud cannot be listed.
    """
    scope = cloud.facts.scope
    entries = [entry for entry in journal.open_entries() if (entry.cloud, entry.place) == (cloud.name, scope)]
    existing = find(cloud, clients, services)
    remaining = []
    for entry in entries:
        if entry.owner.state == "running" or (cloud.facts.directory and entry.may_be_alive(cloud.clock.now())):
            continue
        if _may_exist(entry, existing, cloud.facts):
            remaining.append(entry)
        else:
            journal.append(closing_entry(entry))
    journal.compact()
    return remaining


def _may_exist(entry: Entry, existing: Sequence[TaggedResource], facts: CloudFacts) -> bool:
    """Whether the resource of an entry is among the existing ones, or is of a kind that was not searched."""
    of_run = [resource for resource in existing if resource.label.run == entry.run]
    if entry.kind in (SHARE, CONTAINER):
        is_found = any(
            (resource.kind, resource.name.lower()) == (entry.kind, entry.name.lower()) for resource in of_run
        )
        is_looked_at = entry.account == facts.storage_account and (facts.storage_key or entry.kind != SHARE)
        return is_found or not is_looked_at
    if any((resource.kind, resource.name.lower()) == (GROUP, entry.group.lower()) for resource in of_run):
        return True
    return entry.kind != GROUP and any(resource.kind not in (GROUP, SHARE, CONTAINER) for resource in of_run)


def closing_entry(entry: Entry) -> Entry:
    """Return the entry that closes another one."""
    return replace(entry, state="deleted", owner=this_process())


def _error_of(delete: Callable[[], None], resource: TaggedResource, cloud: Cloud) -> str:
    def attempt() -> None:
        with azure_errors(f"delete {resource.kind} {resource.name}", cloud.name):
            delete()

    try:
        delete_with_retries(attempt, cloud)
    except CloudError as error:
        return str(error)
    return ""


def _delete(resource: TaggedResource, clients: Clients, services: ServiceResources | None) -> None:
    groups = clients.resources.resource_groups
    try:
        if _label(resource, clients, services) != resource.label:
            return  # another run has taken it over in between
        if resource.kind == GROUP:
            if services is not None:
                services.purge(resource.name, clients)
            groups.begin_delete(resource.name).result()
        elif services is not None and resource.kind not in (SHARE, CONTAINER):
            services.delete(resource, clients)
        elif resource.kind == SHARE:
            clients.files.delete_share(resource.name)
        else:
            resources.delete_container(clients, resource.name)
    except (ResourceNotFoundError, AzureMissingResourceHttpError):
        return


def _label(resource: TaggedResource, clients: Clients, services: ServiceResources | None) -> Label | None:
    """The present tags of a resource."""
    if services is not None and resource.kind not in (GROUP, SHARE, CONTAINER):
        return services.label(resource, clients)
    if resource.kind == GROUP:
        return read_tags(clients.resources.resource_groups.get(resource.name).tags)
    if resource.kind == SHARE:
        return read_metadata(clients.files.get_share_metadata(resource.name))
    return read_metadata(resources.container_metadata(clients, resource.name))


def _shares(clients: Clients) -> Iterable[Any]:
    return clients.files.list_shares(include_metadata=True)  # type: ignore[no-any-return]


def _metadata(share: Any, clients: Clients) -> dict[str, str]:
    """The metadata of a share, read by a request if the listing does not contain it."""
    return clients.files.get_share_metadata(share.name) if share.metadata is None else share.metadata  # type: ignore[no-any-return]


def _untrusted_tags(label: Label) -> str:
    """Why the tags of a resource do not prove that it may be deleted."""
    if label.resource:
        return f"its tags were copied: they were written on {label.resource}"
    return "its tags do not name it: they were copied, or an older version wrote them"


def _pid(owner: Owner | None) -> int:
    return owner.pid if owner else 0
