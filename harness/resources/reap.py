"""Deletion of what earlier runs left in a cloud: tags and the journal find it, pure rules decide."""

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
from harness.resources.provisioning import retried
from harness.resources.tags import Label, container_id, group_id, origin_of, read_metadata, read_tags, share_id

Kind = Literal["resource group", "file share", "blob container", "compute", "datastore", "job"]

GROUP: Kind = "resource group"
SHARE: Kind = "file share"
CONTAINER: Kind = "blob container"
_ORDER: tuple[Kind, ...] = ("job", "compute", "datastore", GROUP, SHARE, CONTAINER)  # of deletions


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that carries tags of the harness.

    Attributes:
        id: the resource id, which its tags have to name.
    """

    kind: Kind
    name: str
    id: str
    label: Label


class ServiceResources(Protocol):
    """The resources of a service besides groups and storage, in places that no run has created."""

    def find(self, cloud: Cloud, clients: Clients) -> list[Found]:
        """The resources that carry tags of the harness. Raises CloudError."""

    def label(self, found: Found, clients: Clients) -> Label | None:
        """The present tags of a resource. Raises AzureError."""

    def delete(self, found: Found, clients: Clients) -> None:
        """Delete a resource, and return when it does not exist any more. Raises AzureError or CloudError."""

    def purge(self, group: str, clients: Clients) -> None:
        """Delete for good what the deletion of a group would keep recoverable. Raises AzureError or CloudError."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a resource may be deleted, and why."""

    found: Found
    delete: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Reaped:
    """The result of a deletion; ``error`` is empty where it succeeded."""

    verdict: Verdict
    error: str


def find(cloud: Cloud, clients: Clients, services: ServiceResources | None = None) -> list[Found]:
    """The groups of the subscription, and shares and containers of the storage account, that carry tags of the harness.

    Without the key of the account, its shares are not searched.

    Args:
        cloud: the cloud to search.
        clients: those of the cloud.
        services: finds further resources of services; by default none.

    Raises:
        CloudError: they cannot be listed.
    """
    facts = cloud.facts
    with azure_errors("list resource groups", cloud.name):
        groups = [
            Found(GROUP, group.name, group_id(facts, group.name), label)
            for group in clients.resources.resource_groups.list()
            if (label := read_tags(group.tags))
        ]
    with azure_errors(f"list the shares of {facts.storage_account}", cloud.name):
        shares = [
            Found(SHARE, share.name, share_id(facts, share.name), label)
            for share in (_shares(clients) if facts.storage_key else ())
            if (label := read_metadata(_metadata(share, clients)))
        ]
    with azure_errors(f"list the containers of {facts.storage_account}", cloud.name):
        containers = [
            Found(CONTAINER, name, container_id(facts, name), label)
            for name, metadata in resources.list_containers(clients)
            if (label := read_metadata(metadata))
        ]
    return groups + shares + containers + (services.find(cloud, clients) if services is not None else [])


def decide(found: Found, now: datetime, *, older_than: timedelta = timedelta(0)) -> Verdict:
    """Decide whether a resource may be deleted.

    It may never be deleted while the process that made it runs, or if its tags were written on another resource.
    Otherwise it may be deleted when it has expired, and before that only if the process ran on this machine since its
    last start, and has ended.

    Args:
        found: the resource.
        now: the time.
        older_than: the resource is kept if it is younger, or of unknown age.
    """
    label = found.label
    if not label.names(found.id):
        return Verdict(found, delete=False, reason=_foreign(label))
    state = label.owner.state if label.owner else "elsewhere"
    if state == "running":
        return Verdict(found, delete=False, reason=f"its run is alive (process {_pid(label.owner)})")
    if older_than and (label.created is None or now - label.created < older_than):
        return Verdict(found, delete=False, reason=f"not older than {older_than}")
    if label.expires is not None and now >= label.expires:
        return Verdict(found, delete=True, reason=f"expired at {label.expires:%Y-%m-%d %H:%M} UTC")
    if state == "ended":
        return Verdict(found, delete=True, reason=f"its run has ended (process {_pid(label.owner)})")
    whose = origin_of(label.owner) if label.owner else "its owner cannot be read"
    until = f"until {label.expires:%Y-%m-%d %H:%M} UTC" if label.expires else "for ever: its expiry cannot be read"
    return Verdict(found, delete=False, reason=f"{whose}, {until}")


def reap(
    verdicts: Sequence[Verdict],
    cloud: Cloud,
    clients: Clients,
    *,
    report: Callable[[Reaped], None],
    services: ServiceResources | None = None,
) -> list[Reaped]:
    """Delete what may be deleted, with a few retries.

    Jobs and computes come first, because they cost most; then groups, because their clusters mount the shares.

    The tags of each resource are read again before it is deleted: it is kept if another run has taken it over.

    Args:
        verdicts: those of ``decide``.
        cloud: holds the resources.
        clients: those of the cloud.
        report: is called with each result.
        services: deletes further resources of services.
    """
    results = []
    for verdict in sorted((one for one in verdicts if one.delete), key=lambda one: _ORDER.index(one.found.kind)):
        error = _error_of(partial(_delete, verdict.found, clients, services), verdict.found, cloud)
        results.append(Reaped(verdict, error))
        report(results[-1])
    return results


def settle(journal: Journal, cloud: Cloud, clients: Clients, services: ServiceResources | None = None) -> list[Entry]:
    """Close the journal's entries of what no longer exists in a cloud; return those of ended runs that still exists.

    Clusters and jobs exist as long as their group, or as long as anything of their run is in a workspace that no run
    has made: an entry does not name it there.

    Entries of shares and containers in another storage account stay, because the cloud does not list them. So do
    entries of an emulator on another machine, whose data directory can have the path of one on this machine.

    Raises:
        CloudError: the resources of the cloud cannot be listed.
    """
    here = [entry for entry in journal.left() if entry.cloud == cloud.name and entry.place == cloud.facts.place]
    living = find(cloud, clients, services)
    left = []
    for entry in here:
        if entry.owner.state == "running" or (cloud.facts.directory and entry.may_be_alive(cloud.clock.now())):
            continue
        if _may_exist(entry, living, cloud.facts):
            left.append(entry)
        else:
            journal.append(deleted(entry))
    journal.compact()
    return left


def _may_exist(entry: Entry, living: Sequence[Found], facts: CloudFacts) -> bool:
    """Whether the resource of an entry is among those that were found, or could not be found there."""
    of_run = [found for found in living if found.label.run == entry.run]
    if entry.kind in (SHARE, CONTAINER):
        is_found = any((found.kind, found.name.lower()) == (entry.kind, entry.name.lower()) for found in of_run)
        is_looked_at = entry.account == facts.storage_account and (facts.storage_key or entry.kind != SHARE)
        return is_found or not is_looked_at
    if any((found.kind, found.name.lower()) == (GROUP, entry.group.lower()) for found in of_run):
        return True
    return entry.kind != GROUP and any(found.kind not in (GROUP, SHARE, CONTAINER) for found in of_run)


def deleted(entry: Entry) -> Entry:
    """The entry that closes another one."""
    return replace(entry, state="deleted", owner=this_process())


def _error_of(delete: Callable[[], None], found: Found, cloud: Cloud) -> str:
    def attempt() -> None:
        with azure_errors(f"delete {found.kind} {found.name}", cloud.name):
            delete()

    try:
        retried(attempt, cloud)
    except CloudError as error:
        return str(error)
    return ""


def _delete(found: Found, clients: Clients, services: ServiceResources | None) -> None:
    groups = clients.resources.resource_groups
    try:
        if _label(found, clients, services) != found.label:
            return  # another run has taken it over since it was found
        if found.kind == GROUP:
            if services is not None:
                services.purge(found.name, clients)
            groups.begin_delete(found.name).result()
        elif services is not None and found.kind not in (SHARE, CONTAINER):
            services.delete(found, clients)
        elif found.kind == SHARE:
            clients.files.delete_share(found.name)
        else:
            resources.delete_container(clients, found.name)
    except (ResourceNotFoundError, AzureMissingResourceHttpError):
        return


def _label(found: Found, clients: Clients, services: ServiceResources | None) -> Label | None:
    """The present tags of a resource."""
    if services is not None and found.kind not in (GROUP, SHARE, CONTAINER):
        return services.label(found, clients)
    if found.kind == GROUP:
        return read_tags(clients.resources.resource_groups.get(found.name).tags)
    if found.kind == SHARE:
        return read_metadata(clients.files.get_share_metadata(found.name))
    return read_metadata(resources.container_metadata(clients, found.name))


def _shares(clients: Clients) -> Iterable[Any]:
    return clients.files.list_shares(include_metadata=True)  # type: ignore[no-any-return]


def _metadata(share: Any, clients: Clients) -> dict[str, str]:
    """The metadata of a share; it takes a request where the listing does not contain it."""
    return clients.files.get_share_metadata(share.name) if share.metadata is None else share.metadata  # type: ignore[no-any-return]


def _foreign(label: Label) -> str:
    """Why the tags of a resource are not proof that it may be deleted; None if they are."""
    if label.resource:
        return f"its tags were copied: they were written on {label.resource}"
    return "its tags do not name it: they were copied, or an older version wrote them"


def _pid(owner: Owner | None) -> int:
    return owner.pid if owner else 0
