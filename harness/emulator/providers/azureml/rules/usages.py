"""How much of a region's quota is in use, and which sizes there are; pure."""

from collections import Counter
from collections.abc import Iterable

from harness.emulator.engine.model.records import Cluster
from harness.emulator.engine.model.spec.clusters import VmPriority
from harness.emulator.providers.azureml.model.documents import Document
from harness.vm_sizes import VmSize, vm_size, vm_size_names

TOTAL_CLUSTERS, TOTAL_CORES, FAMILY_CORES = 200, 1000, 100  # limits that the emulator reports
_NAMESPACE = "Microsoft.MachineLearningServices"


def family_name(size: VmSize) -> str:
    """A quota family as the service names it: ``Standard NCASv3_T4 Family`` or ``standardDSv2Family``."""
    return f"Standard {size.family} Family" if "_" in size.family else f"standard{size.family}Family"


def usages(clusters: Iterable[Cluster], subscription: str) -> list[Document]:
    """The rows of a region: clusters, all dedicated cores, and the dedicated cores of each family."""
    found = list(clusters)
    cores: Counter[str] = Counter()
    for cluster in found:
        size = vm_size(cluster.spec.vm_size)
        if size and cluster.spec.vm_priority is VmPriority.DEDICATED:
            cores[family_name(size)] += size.cores * max(len(cluster.nodes), cluster.target)
    families = {family_name(size) for name in vm_size_names() if (size := vm_size(name))}
    return [
        _row(subscription, "TotalClusters", "Total Clusters", len(found), TOTAL_CLUSTERS, "totalClusters"),
        _row(subscription, "TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", cores.total(), TOTAL_CORES,
             "totalDedicatedCores"),
        *(_row(subscription, name, f"{_shown(name)} Cluster Dedicated vCPUs", cores[name], FAMILY_CORES,
               "vmFamily/dedicatedCores") for name in sorted(families)),
    ]  # fmt: skip


def sizes() -> list[Document]:
    """Every size, as ``vmSizes`` shows it."""
    return [_size(size) for name in vm_size_names() if (size := vm_size(name))]


def _row(  # noqa: PLR0917 - the columns of a table
    subscription: str, name: str, shown: str, current: int, limit: int, kind: str
) -> Document:
    return {
        "unit": "Count",
        "currentValue": current,
        "limit": limit,
        "name": {"value": name, "localizedValue": shown},
        "type": f"{_NAMESPACE}/{kind}/usages",
        "id": f"/subscriptions/{subscription}/usages/{name.replace(' ', '_')}",
    }


def _shown(name: str) -> str:
    if name.startswith("Standard "):
        return name
    return f"Standard {name.removeprefix('standard').removesuffix('Family')} Family"


def _size(size: VmSize) -> Document:
    price = None
    if size.price is not None:
        price = {
            "billingCurrency": "USD",
            "unitOfMeasure": "OneHour",
            "values": [{"retailPrice": size.price, "osType": "Linux", "vmTier": "Standard"}],
        }
    return {
        "name": size.name,
        "family": family_name(size),
        "vCPUs": size.cores,
        "gpus": size.gpus,
        "osVhdSizeMB": 1_047_552,
        "maxResourceVolumeMB": 0,
        "memoryGB": None,
        "lowPriorityCapable": True,
        "premiumIO": False,
        "estimatedVMPrices": price,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
    }
