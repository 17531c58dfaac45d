"""The messages between the emulator and its driver: orders to the driver, events from it, one JSON object a line."""

from typing import Any

import msgspec


class Node(msgspec.Struct, frozen=True):
    """A node that needs a machine, with the resources of its VM size. ``directory`` exists for as long as the node."""

    id: str
    size: str
    cpus: int
    gpus: int
    variables: dict[str, str] = {}
    directory: str = ""


class Tree(msgspec.Struct, frozen=True):
    """A directory that a job uses.

    Args:
        path: its path relative to the data directory; empty for the data directory itself.
        only: the names in it that the job uses; empty means all.
        is_read_only: whether the job does not write to it.
    """

    path: str
    only: tuple[str, ...] = ()
    is_read_only: bool = False


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Find machines for the nodes of a job, start it there unless it was started, and report its states.

    Args:
        key: the key with which the programs of the job on its nodes authenticate each other.
        is_claimed: whether a supervisor has claimed the job; if so, the job is lost if its machines no longer exist.
        trees: the directories that it uses, for machines that do not see the data directory.
    """

    job: str
    nodes: tuple[Node, ...]
    key: str
    is_claimed: bool = False
    trees: tuple[Tree, ...] = ()

    def __repr__(self) -> str:
        return f"Run({self.job!r})"


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Request the end of a job."""

    job: str


class End(msgspec.Struct, frozen=True, tag="end"):
    """End the remaining processes of a job on its nodes, and release the machines that were found for it alone."""

    job: str
    nodes: tuple[str, ...]


class Place(msgspec.Struct, frozen=True, tag="place"):
    """Find a machine for a node of a cluster, and report its loss.

    Args:
        directory: the directory of the node, which exists for as long as the node. Nodes whose directories have the
            same parent belong to the same cluster.
    """

    node: Node
    directory: str


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Release the machine of a node."""

    node: str
    directory: str


Order = Run | Stop | End | Place | Release


class Connected(msgspec.Struct, frozen=True, tag="connected"):
    """The driver is connected to Ray."""

    address: str


class Unreachable(msgspec.Struct, frozen=True, tag="unreachable"):
    """Ray cannot be reached, and why."""

    reason: str


class JobWaiting(msgspec.Struct, frozen=True, tag="waits"):
    """A job has no machines yet, and why."""

    job: str
    reason: str


class JobChanged(msgspec.Struct, frozen=True, tag="moved"):
    """A job has a new state, in the form in which its supervisor writes it."""

    job: str
    state: dict[str, Any]


class JobLost(msgspec.Struct, frozen=True, tag="lost"):
    """A job has ended because it has lost the machines of nodes."""

    job: str
    nodes: tuple[str, ...]
    reason: str


class JobRemoved(msgspec.Struct, frozen=True, tag="ended"):
    """The processes of a job have ended, and its machines are released."""

    job: str


class NodePlaced(msgspec.Struct, frozen=True, tag="placed"):
    """A node has a machine."""

    node: str


class NodeWaiting(msgspec.Struct, frozen=True, tag="node waits"):
    """A node has no machine yet, and why."""

    node: str
    reason: str


class NodeLost(msgspec.Struct, frozen=True, tag="node lost"):
    """A node has lost its machine."""

    node: str


class NodeReleased(msgspec.Struct, frozen=True, tag="node released"):
    """The machine of a node is released."""

    node: str


Event = (
    Connected
    | Unreachable
    | JobWaiting
    | JobChanged
    | JobLost
    | JobRemoved
    | NodePlaced
    | NodeWaiting
    | NodeLost
    | NodeReleased
)


def encode(message: Order | Event) -> bytes:
    """Encode a message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> Order:
    """Decode an order."""
    order: Order = msgspec.json.decode(line, type=Order)
    return order


def decode_event(line: bytes) -> Event:
    """Decode an event."""
    event: Event = msgspec.json.decode(line, type=Event)
    return event
