"""Finds machines for nodes, on back ends that have to find them."""

from harness.compute.backend import Backend
from harness.compute.machine_provider import MachineProvider
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.model.records import Cluster
from harness.emulator.engine.rules.nodes import is_coming
from harness.emulator.engine.rules.scaling_context import NodeMachines


class Machines:
    """Requests machines from a back end for new nodes, and releases them when nodes are removed.

    Args:
        specs: describes nodes to the back end.
        backend: runs jobs; unless it is a ``MachineProvider``, nodes need no machines.
    """

    def __init__(self, specs: JobSpecs, backend: Backend) -> None:
        self._specs = specs
        self._provider = backend if isinstance(backend, MachineProvider) else None

    def of(self, cluster: Cluster) -> NodeMachines | None:
        """The machines of coming nodes; None if nodes need no machines."""
        if self._provider is None:
            return None
        coming = [self._specs.node(cluster, node) for node in cluster.nodes if is_coming(node)]
        missing = self._provider.provide(coming, self._specs.compute(cluster))
        if missing is None:
            return None
        reasons = tuple(dict.fromkeys(reason for reason in missing.values() if reason))
        return NodeMachines(frozenset(node.id for node in coming if node.id not in missing), reasons)

    def resume(self, cluster: Cluster) -> None:
        """Watch the machines that an earlier emulator requested for a cluster."""
        nodes = [self._specs.node(cluster, node) for node in cluster.nodes if not node.departing]
        if self._provider is not None and nodes:
            self._provider.provide(nodes, self._specs.compute(cluster))

    def release(self, before: Cluster, after: Cluster | None) -> None:
        """Release the machines of removed nodes: of all nodes if the cluster was deleted (``after`` is None)."""
        remaining = {node.id for node in after.nodes} if after else set()
        removed = [self._specs.node(before, node) for node in before.nodes if node.id not in remaining]
        if self._provider is not None and removed:
            self._provider.release(removed, self._specs.compute(before))

    def take_lost(self) -> frozenset[str]:
        """The ids of nodes whose machines were lost since the last call."""
        return self._provider.take_lost() if self._provider is not None else frozenset()
