"""How a run may use a cloud: checks before the start, budgets, and the lifetime of resources."""

from dataclasses import dataclass
from datetime import timedelta

from harness.config import Settings
from harness.experiments.upload_files import conda_of
from harness.resources import Provisioning
from harness.resources.budget import Budget, budget_of, check_budget
from harness.resources.events import Note
from harness.scenario.model import Scenario
from harness.services.service import ClusterPlan, MountPlan, Service

MOST_JOBS = 500  # of an experiment, since the service cannot filter the list of its jobs


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """The policy of a cloud; the default is that of a cloud that costs nothing.

    Attributes:
        limits: the settings with budgets, if the cloud costs money and has quotas; None if it has neither.
        lifetime: the time after which ``harness reap`` may delete the resources.
        most_jobs: the maximum number of jobs in one experiment, since long lists are slow; None in replay.
        is_live: whether a service computes the responses, so that the order of requests may vary.
    """

    limits: Settings | None = None
    lifetime: timedelta = timedelta(days=1)
    most_jobs: int | None = None
    is_live: bool = False

    def prepare(self, service: Service, provisioning: Provisioning, scenario: Scenario) -> None:
        """Sign in, register what the service needs, and refuse a scenario that cannot run there.

        Raises:
            CloudError: the cloud refuses a request, its quota is too small, or the budget is too small for one trial.
            SettingsError: the settings have a budget of money, but no price.
        """
        if self.limits is not None:
            size = service.available_size(scenario.cluster.vm_size)
            check_budget(provisioning.cloud.clock, scenario, self.limits, size=size)
        for line in service.substitutions(vm_size=scenario.cluster.vm_size, image=scenario.image_of(service.name)):
            provisioning.sink(Note(line))
        plan = plan_of(scenario)
        service.check_plan(provisioning, plan)
        service.prepare(provisioning)
        if self.limits is not None:
            for note in service.check_quota(provisioning, name=scenario.cluster.name, plan=plan):
                provisioning.sink(Note(note))

    def budget(self, vm_size: str) -> Budget | None:
        """The budget of a cluster with this VM size; None without a budget."""
        return None if self.limits is None else budget_of(self.limits, vm_size)


def policy_for(cloud: str, settings: Settings) -> RunPolicy:
    """The policy of a cloud; only ``azure`` costs money and has quotas."""
    is_live = cloud != "replay"
    most_jobs = MOST_JOBS if is_live else None
    return RunPolicy(settings if cloud == "azure" else None, settings.lifetime, most_jobs, is_live)


def plan_of(scenario: Scenario) -> ClusterPlan:
    """The plan of a scenario's cluster.

    Raises:
        ScenarioError: its conda file cannot be read.
    """
    return ClusterPlan(
        workspace=scenario.scenario,
        location=scenario.location,
        vm_size=scenario.cluster.vm_size,
        nodes=scenario.cluster.nodes,
        mounts=tuple(MountPlan(volume.kind, volume.name, volume.mount) for volume in scenario.volumes.values()),
        queued=scenario.limits.queued.total_seconds(),
        priority=scenario.cluster.priority,
        setup=scenario.cluster.setup,
        azureml=scenario.azureml,
        conda=conda_of(scenario),
    )
