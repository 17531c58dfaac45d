"""The errors of exceeded quotas and missing sizes; pure. The messages are those of public reports.

A dedicated compute is checked when it is created, for at least one node, even if its minimum is 0; if the check fails,
it exists as a failed compute. A compute whose quota others use is created, and waits for nodes (``resizing``).
"""

from dataclasses import dataclass

from harness.emulator.engine.model.records import Problem
from harness.emulator.engine.rules.scaling_context import NodeQuota
from harness.vm_sizes import VmSize

_REQUEST = (
    "Talk to your Subscription Admin or refer to "
    "https://docs.microsoft.com/azure/machine-learning/how-to-manage-quotas#request-quota-increases to increase it."
)
_SHOWN_SIZES = 20


@dataclass(frozen=True, slots=True)
class CoreQuota:
    """A quota on the cores of computes.

    Attributes:
        name: its name in messages, such as ``Standard DSv2 family vCPU``.
        limit: the dedicated cores that it allows.
        used_by_others: the dedicated cores that other computes use.
    """

    name: str
    limit: int
    used_by_others: int


def family_quota(size: VmSize, limit: int, used_by_others: int) -> CoreQuota:
    """The quota of a size's family."""
    return CoreQuota(f"Standard {size.family} family vCPU", limit, used_by_others)


def total_quota(limit: int, used_by_others: int) -> CoreQuota:
    """The quota of all families together."""
    return CoreQuota("total vCPU", limit, used_by_others)


def creation_problem(size: VmSize, minimum: int, quotas: list[CoreQuota]) -> Problem | None:
    """Why a compute with a minimum of nodes cannot be created; None if it can."""
    nodes = max(1, minimum)
    for quota in quotas:
        if nodes * size.cores > quota.limit:
            text = (
                f"The specified subscription has a {quota.name} quota of {quota.limit} and cannot accomodate for at "
                f"least {nodes} requested managed compute nodes which maps to {nodes * size.cores} vCPUs. {_REQUEST}"
            )
            return Problem("ClusterMinNodesExceedCoreQuota", text)
    return None


def submission_problem(size: VmSize, nodes: int, quotas: list[CoreQuota]) -> Problem | None:
    """Why a job on a number of nodes can never start; None if it can."""
    for quota in quotas:
        if nodes * size.cores > quota.limit:
            text = (
                "Job submission to AzureML Compute encountered an Exception with status code "
                f"JobNodeCountExceedsCoreQuota, The specified subscription has a {quota.name} quota of {quota.limit} "
                f"and is less than the requested job node count of {nodes} which maps to {nodes * size.cores} vCPUs. "
                f"{_REQUEST}"
            )
            return Problem("JobNodeCountExceedsCoreQuota", text)
    return None


def node_quota(size: VmSize, quotas: list[CoreQuota]) -> NodeQuota | None:
    """How many nodes a compute may have; None if no quota limits it."""
    if not quotas:
        return None
    scarce = min(quotas, key=lambda quota: quota.limit - quota.used_by_others)
    maximum = max(0, scarce.limit - scarce.used_by_others) // size.cores
    text = (
        f"Operation results in exceeding quota limits of Core. The {scarce.name} quota is {scarce.limit}, of which "
        f"other computes use {scarce.used_by_others}; a node of the size {size.name} needs {size.cores}. {_REQUEST}"
    )
    return NodeQuota(maximum, text)


def missing_size_problem(size: str, offered: list[str]) -> Problem:
    """Why a compute cannot be created in a region that lacks its size."""
    names = ",".join(name.upper() for name in offered[:_SHOWN_SIZES])
    text = (
        f"The specified value {size} for property Cluster.Properties.VMSize is not a supported VM size. "
        f"Supported VM sizes: {names}"
    )
    return Problem("InvalidPropertyValue", text)
