"""The protocol of back ends that find a machine for each node."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from harness.compute.backend import NodeSpec


@runtime_checkable
class MachineProvider(Protocol):
    """A back end that also finds a machine for each node, and keeps it for as long as the node lives."""

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str] | None:
        """Find machines for nodes that have none yet. Returns at once.

        Args:
            compute: the back end that their cluster asks for, as ``--compute`` writes it, empty for the emulator's own.

        Returns:
            Why there is no machine yet, by the id of the node, empty text if unknown; None where these nodes
            need none.
        """

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:
        """Give back the machines of nodes that are no more."""

    def take_lost(self) -> frozenset[str]:
        """The ids of nodes whose machines are gone since the last call."""
