"""The emulator's state of the machines of its clusters' nodes."""

from collections.abc import Iterable, Iterator, Sequence

from harness.compute.backend import NodeSpec
from harness.compute.ray.messages import Node, NodeLost, NodePlaced, NodeReleased, NodeWaiting, Order, Place, Release


class ClusterNodes:
    """The requested nodes: those without a machine and why, those that lost theirs, and those being released.

    The back end's lock protects it.
    """

    def __init__(self) -> None:
        self._orders: dict[str, Place] = {}
        self._wait_reasons: dict[str, str] = {}
        self._lost: set[str] = set()
        self._releases: dict[str, Release] = {}

    def add(self, nodes: Sequence[NodeSpec]) -> list[Order]:
        """Return the orders for new nodes. The directory of a node exists for as long as the node."""
        new: list[Order] = []
        for node in nodes:
            if node.id in self._orders or node.id in self._lost:
                continue
            node.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            order = Place(Node(node.id, node.size, node.cpus, node.gpus), str(node.directory))
            self._orders[node.id], self._wait_reasons[node.id] = order, ""
            new.append(order)
        return new

    def remove(self, nodes: Sequence[NodeSpec]) -> list[Order]:
        """Return the orders that release the machines of nodes."""
        for node in nodes:
            self._orders.pop(node.id, None)
            self._wait_reasons.pop(node.id, None)
            self._lost.discard(node.id)
            self._releases[node.id] = Release(node.id, str(node.directory))
        return [self._releases[node.id] for node in nodes]

    def missing(self, nodes: Iterable[NodeSpec]) -> dict[str, str]:
        """Return the nodes without a machine, and why."""
        return {node.id: self._wait_reasons[node.id] for node in nodes if node.id in self._wait_reasons}

    def orders(self) -> Iterator[Order]:
        """Return the orders for a new driver."""
        return iter([*self._orders.values(), *self._releases.values()])

    @property
    def has_releases(self) -> bool:
        """Whether machines are being released."""
        return bool(self._releases)

    def take_lost(self) -> frozenset[str]:
        """Return the nodes that have lost their machines since the last call."""
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def apply(self, event: NodePlaced | NodeWaiting | NodeLost | NodeReleased) -> None:
        """Apply a driver's event about a requested or released node."""
        if isinstance(event, NodeReleased):
            self._releases.pop(event.node, None)
            return
        if event.node not in self._orders:
            return
        match event:
            case NodePlaced():
                self._wait_reasons.pop(event.node, None)
            case NodeWaiting():
                self._wait_reasons[event.node] = event.reason
            case NodeLost():
                del self._orders[event.node]
                self._wait_reasons.pop(event.node, None)
                self._lost.add(event.node)

    def set_reason(self, reason: str) -> None:
        """Set the reason why no waiting node can get a machine now."""
        self._wait_reasons = dict.fromkeys(self._wait_reasons, reason)
