"""What can be known to go wrong before anything is created: sign-in, subscription, retirement, quota, ceiling."""

from collections.abc import Iterable
from dataclasses import dataclass

from azure.mgmt.batchai import BatchAI

from harness.config import Settings
from harness.errors import ProvisioningError
from harness.resources.ceiling import Meter, ceiling_of
from harness.resources.group import register_providers
from harness.resources.provisioning import Provisioning
from harness.resources.refusals import refusals
from harness.scenario.model import Scenario
from harness.vm_sizes import vm_size


@dataclass(frozen=True, slots=True)
class Quota:
    """A row of Batch AI's usages: of ``limit`` (cores or clusters) ``used`` are taken."""

    name: str
    used: int
    limit: int


def preflight(provisioning: Provisioning, scenario: Scenario, settings: Settings) -> tuple[str, ...]:
    """Sign in, register the providers, and make sure that the scenario's cluster may be created.

    Returns:
        What could not be made sure of, a line each.

    Raises:
        SignInError: the credentials were refused.
        ServiceRetiredError: Batch AI does not answer there any more.
        ProvisioningError: the subscription is unknown, or its quota too small; every row that is.
        CeilingError: not even one trial fits below the ceiling.
        SettingsError: there is a ceiling of price, but no price.
    """
    check_ceiling(provisioning, scenario, settings)
    register_providers(provisioning)
    cluster = scenario.cluster
    with refusals(f"read the quota of {scenario.location}", provisioning.cloud.name):
        rows = [
            Quota(usage.name.value, usage.current_value, usage.limit)
            for usage in provisioning.clients.management(BatchAI).usages.list(scenario.location)
        ]
    if short := shortages(rows, size=cluster.vm_size, nodes=cluster.most_nodes):
        raise ProvisioningError(
            f"the quota of {scenario.location} does not allow cluster {cluster.name}: {'; '.join(short)}. "
            "Use fewer nodes, another vm_size or location, or ask Azure support for more"
        )
    if vm_size(cluster.vm_size) is None:
        return (f"VM size {cluster.vm_size} is not known here: its cores were not compared with the quota",)
    return ()


def check_ceiling(provisioning: Provisioning, scenario: Scenario, settings: Settings) -> None:
    """Make sure that one trial, and the wait for its nodes, fit below the ceiling.

    Raises:
        CeilingError: they do not.
        SettingsError: there is a ceiling of price, but no price.
    """
    cluster, limits = scenario.cluster, scenario.limits
    ceiling = ceiling_of(settings, cluster.vm_size)
    meter = Meter(provisioning.cloud.clock, ceiling, nodes=cluster.most_nodes)
    longest = (limits.queued + limits.running).total_seconds()
    meter.admit(f"one trial of {scenario.scenario}, with the wait for its nodes,", seconds=longest)


def shortages(quotas: Iterable[Quota], *, size: str, nodes: int) -> list[str]:
    """The rows of quota that a new cluster of dedicated nodes would pass, in words; cores only of a known size."""
    known = vm_size(size)
    needed = {"Clusters": 1}
    if known is not None:
        cores = known.cores * nodes
        needed["Total Cluster Dedicated Regional vCPUs"] = cores
        needed[f"Standard {known.family} Family Cluster Dedicated vCPUs"] = cores
    return [
        f"{quota.name}: {needed[quota.name]} needed, {max(0, quota.limit - quota.used)} of {quota.limit} free"
        for quota in quotas
        if quota.used + needed.get(quota.name, 0) > quota.limit and quota.name in needed
    ]
