"""Names of Batch AI's resources: their place in the tree, their ids and the store's keys."""

import re
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["workspace", "experiment", "cluster", "file_server", "job"]

NAMESPACE = "Microsoft.BatchAI"
TYPES: dict[Kind, tuple[str, ...]] = {
    "workspace": ("workspaces",),
    "experiment": ("workspaces", "experiments"),
    "cluster": ("workspaces", "clusters"),
    "file_server": ("workspaces", "fileservers"),  # lower case in ids, whatever the caller wrote
    "job": ("workspaces", "experiments", "jobs"),
}
MIGRATED_EXPERIMENT = "migrated"  # where 2018-05 shows the jobs of earlier versions

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.BatchAI"
    r"(?:/workspaces/(?P<workspace>[^/]+))?/(?P<type>clusters|fileServers)/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class Address(msgspec.Struct, frozen=True, gc=False):
    """Where a resource is, in the casing of its creation.

    ``names`` lead down from the workspace: ``(workspace, experiment, job)``.
    """

    subscription: str
    group: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.names[-1]

    @property
    def operation_target(self) -> str:
        """What operations call the resource in 2018-05: names joined by ``$``."""
        return "$".join((self.subscription, self.group, *self.names))

    @property
    def provider(self) -> str:
        """The id of the provider in the resource group: what every id begins with."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{NAMESPACE}"

    def parent(self) -> "Address":
        """One step up."""
        return Address(self.subscription, self.group, self.names[:-1])

    def child(self, name: str) -> "Address":
        """One step down."""
        return Address(self.subscription, self.group, (*self.names, name))

    def id(self, kind: Kind) -> str:
        """The resource id as 2018-05 writes it."""
        steps = zip(TYPES[kind], self.names, strict=True)
        return self.provider + "".join(f"/{step}/{name}" for step, name in steps)

    def key(self, kind: Kind) -> str:
        """The store's key: the id in lower case."""
        return _key(self, kind)


@lru_cache(1024)  # the few that move are asked for again and again
def _key(address: Address, kind: Kind) -> str:
    return address.id(kind).lower()


def migrated_workspace(location: str) -> str:
    """Where 2018-05 shows the resources of earlier versions, one workspace a region."""
    return f"migrated-{location}"


def referred(identifier: str, type_: str) -> re.Match[str] | None:
    """The parts of the id of a cluster or file server, with or without a workspace; None where it is no such id."""
    found = _ID.fullmatch(identifier)
    return found if found and found["type"].lower() == type_.lower() else None
