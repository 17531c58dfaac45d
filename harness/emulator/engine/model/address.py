"""Names of resources: their place in the tree of a service, their ids and the keys of the store."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["workspace", "experiment", "cluster", "file_server", "job"]

BATCH_AI = "Microsoft.BatchAI"
MACHINE_LEARNING = "Microsoft.MachineLearningServices"

# Where each service keeps its kinds of resources: the types that lead to them, as ids write them.
TYPES: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    BATCH_AI: {
        "workspace": ("workspaces",),
        "experiment": ("workspaces", "experiments"),
        "cluster": ("workspaces", "clusters"),
        "file_server": ("workspaces", "fileservers"),  # lower case in ids, whatever the caller wrote
        "job": ("workspaces", "experiments", "jobs"),
    },
    MACHINE_LEARNING: {
        "workspace": ("workspaces",),
        "cluster": ("workspaces", "computes"),
        "job": ("workspaces", "jobs"),
    },
}

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.BatchAI"
    r"(?:/workspaces/(?P<workspace>[^/]+))?/(?P<type>clusters|fileServers)/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class Address(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a resource is, in the casing of its creation.

    ``names`` lead down from the workspace, for example ``(workspace, experiment, job)``; ``namespace`` is the resource
    provider's, and says whose resource it is.
    """

    subscription: str
    group: str
    names: tuple[str, ...]
    namespace: str = BATCH_AI

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.names[-1]

    @property
    def provider(self) -> str:
        """The id of the provider in the resource group: every id begins with it."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{self.namespace}"

    def parent(self) -> "Address":
        """One step up."""
        return Address(self.subscription, self.group, self.names[:-1], self.namespace)

    def child(self, name: str) -> "Address":
        """One step down."""
        return Address(self.subscription, self.group, (*self.names, name), self.namespace)

    def id(self, kind: Kind) -> str:
        """The resource id."""
        steps = zip(TYPES[self.namespace][kind], self.names, strict=True)
        return self.provider + "".join(f"/{step}/{name}" for step, name in steps)

    def key(self, kind: Kind) -> str:
        """The store's key: the id in lower case."""
        return _key(self, kind)


def types_below(namespace: str, parent: Kind) -> Mapping[Kind, str]:
    """The kinds of resources that lie in another, one level down, each with the type that ids have there."""
    above = TYPES[namespace][parent]
    return {kind: types[-1] for kind, types in TYPES[namespace].items() if types[:-1] == above}


@lru_cache(1024)  # the reconciler asks for the keys of the few resources that move again and again
def _key(address: Address, kind: Kind) -> str:
    return address.id(kind).lower()


def referred(identifier: str, type_: str) -> re.Match[str] | None:
    """The parts of the id of a Batch AI cluster or file server, with or without a workspace; None for any other id."""
    found = _ID.fullmatch(identifier)
    return found if found and found["type"].lower() == type_.lower() else None
