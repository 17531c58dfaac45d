"""What the emulator and its driver tell each other: one JSON object a line, orders one way and news the other."""

from typing import Any

import msgspec


class Node(msgspec.Struct, frozen=True):
    """A node that needs a machine, and what its size promises. ``directory`` holds what lives as long as the node."""

    id: str
    size: str
    cpus: int
    gpus: int
    variables: dict[str, str] = {}
    directory: str = ""


class Tree(msgspec.Struct, frozen=True):
    """A directory that a job uses.

    Args:
        path: relative to the data directory; empty for that itself.
        only: the names in it that the job uses; all where there are none.
        is_read_only: whether the job does not write to it.
    """

    path: str
    only: tuple[str, ...] = ()
    is_read_only: bool = False


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Find machines for the nodes of a job, start it there unless it was started, and tell how it moves.

    Args:
        key: with which the programs of the job on its nodes know each other.
        is_claimed: whether its supervisor was there already: where its machines are gone, the job is lost.
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
    """Ask for the end of a job."""

    job: str


class End(msgspec.Struct, frozen=True, tag="end"):
    """End what is left of a job on its nodes, and give back the machines that were found for it alone."""

    job: str
    nodes: tuple[str, ...]


class Place(msgspec.Struct, frozen=True, tag="place"):
    """Find a machine for a node of a cluster, and tell when it is gone.

    Args:
        directory: of the node, which exists for as long as the node does; nodes beside it are of the same cluster.
    """

    node: Node
    directory: str


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Give the machine of a node back."""

    node: str
    directory: str


Order = Run | Stop | End | Place | Release


class Connected(msgspec.Struct, frozen=True, tag="connected"):
    """Ray answers."""

    address: str


class Unreachable(msgspec.Struct, frozen=True, tag="unreachable"):
    """Ray does not answer, and why."""

    reason: str


class Waits(msgspec.Struct, frozen=True, tag="waits"):
    """A job has no machines yet, and why."""

    job: str
    reason: str


class Moved(msgspec.Struct, frozen=True, tag="moved"):
    """How far a job is, as its supervisor writes it."""

    job: str
    state: dict[str, Any]


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """A job has ended because machines of its nodes are gone."""

    job: str
    nodes: tuple[str, ...]
    reason: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """Nothing is left of a job."""

    job: str


class NodePlaced(msgspec.Struct, frozen=True, tag="placed"):
    """A node has a machine."""

    node: str


class NodeWaits(msgspec.Struct, frozen=True, tag="node waits"):
    """A node has no machine yet, and why."""

    node: str
    reason: str


class NodeLost(msgspec.Struct, frozen=True, tag="node lost"):
    """The machine of a node is gone."""

    node: str


class NodeReleased(msgspec.Struct, frozen=True, tag="node released"):
    """Ray has the machine of a node back."""

    node: str


News = Connected | Unreachable | Waits | Moved | Lost | Ended | NodePlaced | NodeWaits | NodeLost | NodeReleased


def encode(message: Order | News) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> Order:
    """The order in a line."""
    order: Order = msgspec.json.decode(line, type=Order)
    return order


def decode_news(line: bytes) -> News:
    """The news in a line."""
    news: News = msgspec.json.decode(line, type=News)
    return news
