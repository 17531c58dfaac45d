"""The protocol of back ends that find a machine for each node."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from harness.compute.backend import NodeSpec


@runtime_checkable
class MachineProvider(Protocol):
    """A back end that also finds a machine for each node, and holds it for as long as the node exists."""

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str] | None:
        """Start to find machines for nodes that have none yet. Returns at once.

        Args:
            compute: the back end that their cluster requests, in the notation of ``--compute``; empty means the
                emulator's default.

        Returns:
            The reason why a node has no machine yet, by the node's id; an empty text if unknown. None if these nodes
            need no machines.
        """

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:
        """Release the machines of deleted nodes."""

    def take_lost(self) -> frozenset[str]:
        """Return the ids of nodes that have lost their machines since the last call."""
