"""Machines for nodes, where the back end of a cluster has to find them."""

from harness.compute.backend import Backend
from harness.compute.machine_provider import MachineProvider
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.model.records import Cluster
from harness.emulator.engine.rules.nodes import is_coming
from harness.emulator.engine.rules.scaling_context import NodeMachines


class Machines:
    """Asks a back end for machines as clusters get nodes, and gives them back as nodes go.

    Args:
        specs: describes nodes to the back end.
        backend: one that runs jobs; where it finds no machines for nodes, every node is there at once.
    """

    def __init__(self, specs: JobSpecs, backend: Backend) -> None:
        self._specs = specs
        self._provider = backend if isinstance(backend, MachineProvider) else None

    def of(self, cluster: Cluster) -> NodeMachines | None:
        """The machines of nodes that are coming; None where nodes need none."""
        if self._provider is None:
            return None
        coming = [self._specs.node(cluster, node) for node in cluster.nodes if is_coming(node)]
        missing = self._provider.provide(coming, self._specs.compute(cluster))
        if missing is None:
            return None
        reasons = tuple(dict.fromkeys(reason for reason in missing.values() if reason))
        return NodeMachines(frozenset(node.id for node in coming if node.id not in missing), reasons)

    def resume(self, cluster: Cluster) -> None:
        """Watch the machines of a cluster that an earlier emulator has had."""
        nodes = [self._specs.node(cluster, node) for node in cluster.nodes if not node.departing]
        if self._provider is not None and nodes:
            self._provider.provide(nodes, self._specs.compute(cluster))

    def release(self, before: Cluster, after: Cluster | None) -> None:
        """Give back the machines of nodes that are no more: all of them where the cluster is gone, ``after`` None."""
        left = {node.id for node in after.nodes} if after else set()
        gone = [self._specs.node(before, node) for node in before.nodes if node.id not in left]
        if self._provider is not None and gone:
            self._provider.release(gone, self._specs.compute(before))

    def take_lost(self) -> frozenset[str]:
        """The ids of nodes whose machines are gone since the last call."""
        return self._provider.take_lost() if self._provider is not None else frozenset()
