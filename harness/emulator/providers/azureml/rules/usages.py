"""Usage of a region's quotas, and its sizes; pure."""

from collections import Counter
from collections.abc import Callable, Iterable

from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.engine.model.records import Cluster
from harness.emulator.engine.model.spec.clusters import VmPriority
from harness.emulator.engine.rules.scaling import QUOTA_REACHED
from harness.emulator.providers.azureml.model.documents import Document
from harness.emulator.subscription_limits import TOTAL
from harness.vm_sizes import VmSize, vm_size, vm_size_names

TOTAL_CLUSTERS, TOTAL_CORES, FAMILY_CORES = 200, 1000, 100  # limits that the emulator reports


def family_name(size: VmSize) -> str:
    """A quota family as the service names it: ``Standard NCASv3_T4 Family`` or ``standardDSv2Family``."""
    return f"Standard {size.family} Family" if "_" in size.family else f"standard{size.family}Family"


def usages(
    clusters: Iterable[Cluster], subscription: str, quota: Callable[[str], int | None] = lambda _family: None
) -> list[Document]:
    """The rows of a region: clusters, all dedicated cores, and the dedicated cores of each family.

    Args:
        quota: the limit of a family in the region, or of ``TotalDedicatedCores``; None selects the default.
    """
    computes = list(clusters)
    cores: Counter[str] = Counter()
    for cluster in computes:
        size = vm_size(cluster.spec.vm_size)
        if size and cluster.spec.vm_priority is VmPriority.DEDICATED:
            is_short = any(problem.code == QUOTA_REACHED for problem in cluster.problems)
            cores[size.family] += size.cores * max(len(cluster.nodes), 0 if is_short else cluster.target)
    families = {size.family: family_name(size) for name in vm_size_names() if (size := vm_size(name))}

    def limit(family: str, default: int) -> int:
        maximum = quota(family)
        return default if maximum is None else maximum

    return [
        _row(subscription, "TotalClusters", "Total Clusters", len(computes), TOTAL_CLUSTERS, "totalClusters"),
        _row(subscription, TOTAL, "Total Cluster Dedicated Regional vCPUs", cores.total(),
             limit(TOTAL, TOTAL_CORES), "totalDedicatedCores"),
        *(_row(subscription, name, f"{_display_name(name)} Cluster Dedicated vCPUs", cores[family],
               limit(family, FAMILY_CORES), "vmFamily/dedicatedCores") for family, name in sorted(families.items())),
    ]  # fmt: skip


def is_family(row: Document) -> bool:
    """Whether a row belongs to a family, and not to a total."""
    return bool(row["type"].endswith("/vmFamily/dedicatedCores/usages"))


def quota(row: Document) -> Document:
    """The limit of a row as ``quotas`` shows it."""
    members = {name: row[name] for name in ("limit", "name", "unit")}
    return {"id": row["id"].replace("/usages/", "/quotas/"), "type": f"{MACHINE_LEARNING}/vmFamily/quotas", **members}


def sizes(names: Iterable[str]) -> list[Document]:
    """The sizes as ``vmSizes`` shows them."""
    return [_size(size) for name in names if (size := vm_size(name))]


def _row(  # noqa: PLR0917 - the columns of a table
    subscription: str, name: str, label: str, current: int, limit: int, kind: str
) -> Document:
    return {
        "unit": "Count",
        "currentValue": current,
        "limit": limit,
        "name": {"value": name, "localizedValue": label},
        "type": f"{MACHINE_LEARNING}/{kind}/usages",
        "id": f"/subscriptions/{subscription}/usages/{name.replace(' ', '_')}",
    }


def _display_name(name: str) -> str:
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
