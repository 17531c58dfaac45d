"""What the emulator knows of the machines of its clusters' nodes. The back end's lock guards it."""

from collections.abc import Iterable, Iterator, Sequence

from harness.compute.backend import NodeSpec
from harness.compute.ray.messages import Node, NodeLost, NodePlaced, NodeReleased, NodeWaits, Order, Place, Release


class ClusterNodes:
    """Nodes that were asked for: which have no machine yet, and why, which have lost theirs, and which give it back."""

    def __init__(self) -> None:
        self._orders: dict[str, Place] = {}
        self._waiting: dict[str, str] = {}
        self._lost: set[str] = set()
        self._leaving: dict[str, Release] = {}

    def add(self, nodes: Sequence[NodeSpec]) -> list[Order]:
        """The orders for those that were not asked for before. A directory marks a node for as long as it lives."""
        new: list[Order] = []
        for node in nodes:
            if node.id in self._orders or node.id in self._lost:
                continue
            node.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            order = Place(Node(node.id, node.size, node.cpus, node.gpus), str(node.directory))
            self._orders[node.id], self._waiting[node.id] = order, ""
            new.append(order)
        return new

    def remove(self, nodes: Sequence[NodeSpec]) -> list[Order]:
        """The orders that give machines back."""
        for node in nodes:
            self._orders.pop(node.id, None)
            self._waiting.pop(node.id, None)
            self._lost.discard(node.id)
            self._leaving[node.id] = Release(node.id, str(node.directory))
        return [self._leaving[node.id] for node in nodes]

    def missing(self, nodes: Iterable[NodeSpec]) -> dict[str, str]:
        """Those without a machine, and why."""
        return {node.id: self._waiting[node.id] for node in nodes if node.id in self._waiting}

    def orders(self) -> Iterator[Order]:
        """What a new driver has to know."""
        return iter([*self._orders.values(), *self._leaving.values()])

    @property
    def are_leaving(self) -> bool:
        """Whether machines are being given back."""
        return bool(self._leaving)

    def take_lost(self) -> frozenset[str]:
        """Those that have lost their machines since the last call."""
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def hear(self, news: NodePlaced | NodeWaits | NodeLost | NodeReleased) -> None:
        """Take in what a driver tells of a node that is still wanted, or that has given its machine back."""
        if isinstance(news, NodeReleased):
            self._leaving.pop(news.node, None)
            return
        if news.node not in self._orders:
            return
        match news:
            case NodePlaced():
                self._waiting.pop(news.node, None)
            case NodeWaits():
                self._waiting[news.node] = news.reason
            case NodeLost():
                del self._orders[news.node]
                self._waiting.pop(news.node, None)
                self._lost.add(news.node)

    def explain(self, reason: str) -> None:
        """Why none of those that wait can get a machine now."""
        self._waiting = dict.fromkeys(self._waiting, reason)
