"""The quota of a region, compared with what a cluster needs before it is created."""

from collections.abc import Iterable
from dataclasses import dataclass

from azure.mgmt.batchai import BatchAI

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.services.service import ClusterPlan
from harness.vm_sizes import vm_size


@dataclass(frozen=True, slots=True)
class Quota:
    """A usage of Batch AI: ``used`` of ``limit`` cores or clusters are in use."""

    name: str
    used: int
    limit: int


def check_quota(provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
    """Make sure that the quota of the region allows a cluster.

    Returns:
        A line for each check that was impossible.

    Raises:
        ServiceRetiredError: the cloud no longer has Batch AI.
        ProvisioningError: the subscription is unknown, or its quota too small; the message names every such quota.
    """
    with provisioning.errors(f"read the quota of {plan.location}"):
        rows = [
            Quota(usage.name.value, usage.current_value, usage.limit)
            for usage in provisioning.clients.management(BatchAI).usages.list(plan.location)
            if usage.name is not None and None not in (usage.current_value, usage.limit)
        ]
    if short := shortages(rows, size=plan.vm_size, nodes=plan.max_nodes, priority=plan.priority):
        raise ProvisioningError(
            f"the quota of {plan.location} does not allow cluster {name}: {'; '.join(short)}. "
            "Use fewer nodes, another vm_size or location, or ask Azure support for more"
        )
    if vm_size(plan.vm_size) is None:
        return (f"VM size {plan.vm_size} is not known to the harness: its cores were not compared with the quota",)
    return ()


def shortages(quotas: Iterable[Quota], *, size: str, nodes: int, priority: str = "dedicated") -> list[str]:
    """Describe each quota that a new cluster would exceed; quotas of cores are checked for known sizes only."""
    known_size = vm_size(size)
    needed = {"Clusters": 1}
    if known_size is not None:
        cores = known_size.cores * nodes
        if priority == "dedicated":
            needed["Total Cluster Dedicated Regional vCPUs"] = cores
            needed[f"Standard {known_size.family} Family Cluster Dedicated vCPUs"] = cores
        else:
            needed["Total Cluster LowPriority Regional vCPUs"] = cores
    return [
        f"{quota.name}: {needed[quota.name]} needed, {max(0, quota.limit - quota.used)} of {quota.limit} free"
        for quota in quotas
        if quota.used + needed.get(quota.name, 0) > quota.limit and quota.name in needed
    ]
