"""Addresses of resources in the tree of a service, their ids, and their keys in the store."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["workspace", "experiment", "cluster", "file_server", "job"]

BATCH_AI = "Microsoft.BatchAI"
MACHINE_LEARNING = "Microsoft.MachineLearningServices"

# The path of types from the workspace to each kind of resource, by service, as ids write them.
TYPES: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    BATCH_AI: {
        "workspace": ("workspaces",),
        "experiment": ("workspaces", "experiments"),
        "cluster": ("workspaces", "clusters"),
        "file_server": ("workspaces", "fileservers"),  # in lower case in ids, whatever casing the caller used
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
    """The address of a resource, in the casing of its creation.

    ``names`` is the path from the workspace, for example ``(workspace, experiment, job)``; ``namespace`` is that of the
    resource provider.
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
        """The prefix of every id: the provider in the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{self.namespace}"

    def parent(self) -> "Address":
        """The address of the parent."""
        return Address(self.subscription, self.group, self.names[:-1], self.namespace)

    def child(self, name: str) -> "Address":
        """The address of a child."""
        return Address(self.subscription, self.group, (*self.names, name), self.namespace)

    def id(self, kind: Kind) -> str:
        """The resource id."""
        steps = zip(TYPES[self.namespace][kind], self.names, strict=True)
        return self.provider + "".join(f"/{step}/{name}" for step, name in steps)

    def key(self, kind: Kind) -> str:
        """The key in the store: the id in lower case."""
        return _key(self, kind)


def types_below(namespace: str, parent: Kind) -> Mapping[Kind, str]:
    """The kinds of resources directly in a parent, each with its type in ids."""
    above = TYPES[namespace][parent]
    return {kind: types[-1] for kind, types in TYPES[namespace].items() if types[:-1] == above}


@lru_cache(1024)  # the reconciler repeatedly needs the keys of the few resources that move
def _key(address: Address, kind: Kind) -> str:
    return address.id(kind).lower()


def parse_resource_id(identifier: str, type_: str) -> re.Match[str] | None:
    """Match the id of a Batch AI cluster or file server, with or without a workspace; None for any other text."""
    match = _ID.fullmatch(identifier)
    return match if match and match["type"].lower() == type_.lower() else None
