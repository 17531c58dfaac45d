"""How much of the quotas of a region is in use; pure. The emulator reports the limits and does not enforce them."""

from collections import Counter
from collections.abc import Collection

from harness.emulator.engine.model.records import Cluster
from harness.emulator.engine.model.spec import VmPriority
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.vm_sizes import vm_size

_CLUSTERS, _CORES = 20, 24
_NO_QUOTA = frozenset({"NCv2", "NCv3", "ND"})  # of a fresh subscription
_FAMILIES = ("D", "Dv2", "NC", "NCv2", "NCv3", "ND", "NV")
_FLAT_FAMILIES = ("D", "Dv2", "NC", "NV")


def usages(clusters: Collection[Cluster], jobs: int, version: Version) -> list[Document]:
    """The usages of a region, in the order of the service.

    Args:
        clusters: the clusters of the region.
        jobs: the number of unfinished jobs in the region.
    """
    cores: Counter[tuple[VmPriority, str]] = Counter()
    for cluster in clusters:
        size = vm_size(cluster.spec.vm_size)
        if size:
            cores[cluster.spec.vm_priority, size.family] += size.cores * max(len(cluster.nodes), cluster.target)
    rows = [_row("Clusters", len(clusters), _CLUSTERS)]
    for priority, word in ((VmPriority.DEDICATED, "Dedicated"), (VmPriority.LOW_PRIORITY, "LowPriority")):
        total = sum(count for (vm_priority, _), count in cores.items() if vm_priority is priority)
        rows.append(_row(f"Total Cluster {word} Regional vCPUs", total, _CORES))
        for family in _FLAT_FAMILIES if version.is_flat else _FAMILIES:
            limit = 0 if family in _NO_QUOTA else _CORES
            rows.append(_row(f"Standard {family} Family Cluster {word} vCPUs", cores[priority, family], limit))
    if version.is_flat:
        rows.append(_row("ActiveJobs", jobs, _CLUSTERS, "Active Jobs"))
    return rows


def _row(value: str, current: int, limit: int, shown: str = "") -> Document:
    name = {"value": value, "localizedValue": shown or value.replace("LowPriority", "Low Priority")}
    return {"unit": "Count", "currentValue": current, "limit": limit, "name": name}
