"""Deleting what earlier runs left in a cloud: found by its tags and by the journal, decided by pure rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from azure.common import AzureMissingResourceHttpError
from azure.core.exceptions import ResourceNotFoundError

from harness.clouds import Clients, Cloud
from harness.errors import CloudError
from harness.resources.azure_errors import azure_errors
from harness.resources.journal import Entry, Journal
from harness.resources.owner import Owner, this_process
from harness.resources.provisioning import retried
from harness.resources.tags import Label, group_id, origin_of, read_metadata, read_tags, share_id

Kind = Literal["resource group", "file share"]

GROUP: Kind = "resource group"
SHARE: Kind = "file share"


@dataclass(frozen=True, slots=True)
class Found:
    """Something that carries our tags.

    Attributes:
        id: what the tags have to name.
    """

    kind: Kind
    name: str
    id: str
    label: Label


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something found may be deleted, and why."""

    found: Found
    delete: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Reaped:
    """What became of something that was to be deleted; ``error`` is empty where it is gone."""

    verdict: Verdict
    error: str


def find(cloud: Cloud, clients: Clients) -> list[Found]:
    """Every resource group of the subscription, and every share of the storage account, that carries our tags.

    Raises:
        CloudError: they could not be listed.
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
            for share in _shares(clients)
            if (label := read_metadata(_metadata(share, clients)))
        ]
    return groups + shares


def decide(found: Found, now: datetime, *, older_than: timedelta = timedelta(0)) -> Verdict:
    """May it be deleted?

    Never while the process that made it runs, nor if its tags were written on another resource. Otherwise when it has
    expired, or at once when its process was of this machine, since its last start, and has ended. What was made on
    another machine waits for its expiry.

    Args:
        found: what carries our tags.
        now: the moment.
        older_than: spare what was made more recently, or at an unknown time.
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
    verdicts: Sequence[Verdict], cloud: Cloud, clients: Clients, *, tell: Callable[[Reaped], None]
) -> list[Reaped]:
    """Delete what may be, each tried again a few times; groups first, for what is in them mounts the shares.

    Each is looked at once more just before: what another run has taken meanwhile is left alone.

    Args:
        verdicts: of ``decide``.
        cloud: where they are.
        clients: of that cloud.
        tell: called after each.
    """
    results = []
    for verdict in sorted((one for one in verdicts if one.delete), key=lambda one: one.found.kind == SHARE):
        error = _error_of(partial(_delete, verdict.found, clients), verdict.found, cloud)
        results.append(Reaped(verdict, error))
        tell(results[-1])
    return results


def settle(journal: Journal, cloud: Cloud, clients: Clients) -> list[Entry]:
    """Write into the journal what of it is gone from a cloud; returns the entries of ended runs that are not.

    Shares of another storage account than the cloud's cannot be looked for, and stay. So do entries of an emulator that
    another machine may have: its data directory can have the path of one of this machine.

    Raises:
        CloudError: the cloud could not be asked.
    """
    here = [entry for entry in journal.left() if entry.cloud == cloud.name and entry.place == cloud.facts.place]
    living = {(found.kind, found.name.lower(), found.label.run) for found in find(cloud, clients)}
    left = []
    for entry in here:
        if entry.owner.state == "running" or (cloud.facts.directory and entry.may_be_alive(cloud.clock.now())):
            continue
        # Clusters and jobs live and die with their group.
        held = (SHARE, entry.name.lower()) if entry.kind == SHARE else (GROUP, entry.group.lower())
        is_elsewhere = entry.kind == SHARE and entry.account != cloud.facts.storage_account
        if is_elsewhere or (*held, entry.run) in living:
            left.append(entry)
        else:
            journal.append(deleted(entry))
    journal.compact()
    return left


def deleted(entry: Entry) -> Entry:
    """The entry that ends another."""
    return replace(entry, state="deleted", owner=this_process())


def _error_of(delete: Callable[[], None], found: Found, cloud: Cloud) -> str:
    def attempt() -> None:
        with azure_errors(f"delete {found.kind} {found.name}", cloud.name):
            delete()

    try:
        retried(attempt, cloud.clock)
    except CloudError as error:
        return str(error)
    return ""


def _delete(found: Found, clients: Clients) -> None:
    groups, files = clients.resources.resource_groups, clients.files
    try:
        if found.kind == GROUP:
            label = read_tags(groups.get(found.name).tags)
        else:
            label = read_metadata(files.get_share_metadata(found.name))
        if label != found.label:
            return  # another run has taken it since it was found
        if found.kind == GROUP:
            groups.begin_delete(found.name).result()
        else:
            files.delete_share(found.name)
    except (ResourceNotFoundError, AzureMissingResourceHttpError):
        return


def _shares(clients: Clients) -> Iterable[Any]:
    return clients.files.list_shares(include_metadata=True)  # type: ignore[no-any-return]


def _metadata(share: Any, clients: Clients) -> dict[str, str]:
    """A share's metadata, asked for where the listing did not tell it."""
    return clients.files.get_share_metadata(share.name) if share.metadata is None else share.metadata  # type: ignore[no-any-return]


def _foreign(label: Label) -> str:
    """Why the tags of a resource prove nothing."""
    if label.resource:
        return f"its tags were copied: they were written on {label.resource}"
    return "its tags do not name it: they were copied, or an older version wrote them"


def _pid(owner: Owner | None) -> int:
    return owner.pid if owner else 0
