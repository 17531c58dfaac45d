"""The quota and the sizes of a region, compared with what a compute needs before anything is created."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.vm_size_replacements import available_size
from harness.services.azureml.workspace import PROVIDER
from harness.services.service import ClusterPlan
from harness.suggestions import suggestion

_CLUSTERS, _CORES = "TotalClusters", "TotalDedicatedCores"


@dataclass(frozen=True, slots=True)
class Quota:
    """A usage of a region: ``used`` of ``limit`` cores or clusters are in use."""

    name: str
    title: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class OfferedSize:
    """A VM size of a region."""

    name: str
    family: str
    cores: int


def check_quota(provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
    """Make sure that quota and sizes of the region allow a compute.

    Returns:
        A line for each check that was impossible.

    Raises:
        ProvisioningError: the region does not have the size, or the quota of its family is too small.
    """
    client, size_name = provisioning.clients.management(RestClient), available_size(plan.vm_size)
    region = f"/subscriptions/{client.subscription_id}/providers/{PROVIDER}/locations/{plan.location}"
    with provisioning.errors(f"read the VM sizes of {plan.location}"):
        sizes = [_size(size) for size in client.list(f"{region}/vmSizes", computeType="AmlCompute")]
    size = next((size for size in sizes if size.name.lower() == size_name.lower()), None)
    if size is None:
        hint = suggestion(size_name, [size.name for size in sizes])
        raise ProvisioningError(
            f"region {plan.location} does not offer VM size {size_name} for computes of Azure Machine Learning"
            f"{f'; {hint}' if hint else ''}; name another vm_size or location in the scenario"
        )
    with provisioning.errors(f"read the quota of {plan.location}"):
        quotas = [_quota(usage) for usage in client.list(f"{region}/usages")]
    if short := list(shortages(quotas, size, nodes=plan.max_nodes, is_dedicated=plan.priority == "dedicated")):
        raise ProvisioningError(
            f"the quota of {plan.location} does not allow compute {name}: {'; '.join(short)}. Every GPU family has "
            "quota 0 until more is requested: in Azure Machine Learning studio, Quota, or with: az quota; or use fewer "
            "nodes, another vm_size or location"
        )
    if not any(quota.name.casefold() == size.family.casefold() for quota in quotas):
        return (f"the quota of the VM family {size.family} is not shown in {plan.location}: it was not compared",)
    return ()


def shortages(quotas: Iterable[Quota], size: OfferedSize, *, nodes: int, is_dedicated: bool = True) -> Iterator[str]:
    """Describe each quota that a new compute would exceed; low-priority nodes count in no quota of cores."""
    cores = size.cores * nodes if is_dedicated else 0
    needed = {_CLUSTERS.casefold(): 1, _CORES.casefold(): cores, size.family.casefold(): cores}
    for quota in quotas:
        need = needed.get(quota.name.casefold(), 0)
        if need and quota.used + need > quota.limit:
            free = max(0, quota.limit - quota.used)
            yield f"{quota.title}: {need} needed, {free} of {quota.limit} free"


def _size(document: dict[str, Any]) -> OfferedSize:
    return OfferedSize(str(document["name"]), str(document.get("family") or ""), int(document.get("vCPUs") or 0))


def _quota(document: dict[str, Any]) -> Quota:
    name = document.get("name") or {}
    value = str(name.get("value") or "")
    title = str(name.get("localizedValue") or value)
    return Quota(value, title, int(document.get("currentValue") or 0), int(document.get("limit") or 0))
