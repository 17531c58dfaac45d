"""The effects of a subscription's quota and sizes on computes and jobs."""

from collections.abc import Iterable

from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.engine.model.records import Cluster, Problem
from harness.emulator.engine.model.spec import ClusterSpec, VmPriority
from harness.emulator.engine.rules.scaling_context import NodeQuota
from harness.emulator.providers.azureml.rules.quotas import (
    CoreQuota,
    creation_problem,
    family_quota,
    missing_size_problem,
    node_quota,
    submission_problem,
    total_quota,
)
from harness.emulator.store import Store
from harness.emulator.subscription_limits import TOTAL, SubscriptionLimits
from harness.vm_sizes import VmSize, vm_size, vm_size_names


class Quotas:
    """Applies the limits of a subscription.

    Args:
        limits: the limits that apply; without limits everything is allowed.
    """

    def __init__(self, store: Store, limits: SubscriptionLimits) -> None:
        self._store = store
        self.limits = limits

    def sizes(self, location: str) -> list[str]:
        """The VM sizes that a region offers."""
        return [name for name in vm_size_names() if self.limits.offers(location, name)]

    def creation_problem(self, cluster: Cluster, spec: ClusterSpec, minimum: int) -> Problem | None:
        """Why a compute cannot be created or changed to ``spec``; None if it can."""
        size = vm_size(spec.vm_size)
        if size is None:
            return None
        if not self.limits.offers(cluster.location, size.name):
            return missing_size_problem(spec.vm_size, self.sizes(cluster.location))
        return creation_problem(size, minimum, self._quotas(cluster, spec, size))

    def submission_problem(self, cluster: Cluster, nodes: int) -> Problem | None:
        """Why a job can never start on a cluster; None if it can."""
        size = vm_size(cluster.spec.vm_size)
        if size is None:
            return None
        if not self.limits.offers(cluster.location, size.name):
            return missing_size_problem(cluster.spec.vm_size, self.sizes(cluster.location))
        return submission_problem(size, nodes, self._quotas(cluster, cluster.spec, size))

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """How many nodes a cluster may have now; None if no quota limits it."""
        size = vm_size(cluster.spec.vm_size)
        return node_quota(size, self._quotas(cluster, cluster.spec, size)) if size else None

    def _quotas(self, cluster: Cluster, spec: ClusterSpec, size: VmSize) -> list[CoreQuota]:
        """The quotas that a cluster counts in; only dedicated nodes count."""
        if spec.vm_priority is not VmPriority.DEDICATED:
            return []
        quotas = []
        family = self.limits.quota(cluster.location, size.family)
        total = self.limits.quota(cluster.location, TOTAL)
        if family is not None:
            quotas.append(family_quota(size, family, self._cores_of_others(cluster, size.family)))
        if total is not None:
            quotas.append(total_quota(total, self._cores_of_others(cluster, "")))
        return quotas

    def _cores_of_others(self, cluster: Cluster, family: str) -> int:
        """The dedicated cores that other clusters of the region use, of a family or of all."""
        return sum(
            size.cores * len(other.nodes)
            for other in self._other_clusters(cluster)
            if (size := vm_size(other.spec.vm_size)) and family in ("", size.family)
        )

    def _other_clusters(self, cluster: Cluster) -> Iterable[Cluster]:
        for key, other in self._store.list(Cluster):
            is_counted = other.address.namespace == MACHINE_LEARNING and other.location == cluster.location
            if is_counted and key != cluster.key and other.spec.vm_priority is VmPriority.DEDICATED:
                yield other
