"""Jobs that a killed process of a run left running, which ``harness run --resume`` reports and can end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from harness.emulator.orphans import Orphan, find_orphans, remove_orphan
from harness.experiments.run_context import RunContext, experiment_of, numbered_experiment
from harness.experiments.run_policy import plan_of
from harness.resources.provisioning import Provisioning
from harness.resources.reap import Verdict, decide, find, reap
from harness.scenario.model import Scenario
from harness.services.catalogue import service_resources
from harness.services.service import JobView

_CASSETTE = "killed_run"  # never recorded, because a replay leaves nothing running
_MOST_NAMES = 10

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Survivors:
    """The leftovers of a killed process.

    Attributes:
        jobs: the jobs that still run on the service.
        resources: the resource groups and shares of these jobs, which may be deleted.
        orphans: jobs on this machine whose emulator ended with the killed process.
    """

    jobs: tuple[JobView, ...]
    resources: tuple[Verdict, ...]
    orphans: tuple[Orphan, ...]

    def __bool__(self) -> bool:
        return bool(self.jobs or self.orphans)


def find_survivors(context: RunContext, scenarios: Sequence[Scenario]) -> Survivors:
    """Find the jobs of a resumed run that still run.

    Raises:
        CloudError: the cloud does not list them.
    """
    cloud = context.cloud
    with context.provisioning(_CASSETTE) as provisioning:
        ours = [
            resource
            for resource in find(cloud, provisioning.clients, service_resources())
            if resource.label.run == cloud.facts.run
        ]
        verdicts = [verdict for resource in ours if (verdict := decide(resource, cloud.clock.now())).delete]
        names = {verdict.resource.name.lower() for verdict in verdicts if verdict.resource.kind == "resource group"}
        jobs = [
            job
            for scenario in scenarios
            if scenario.resource_group.lower() in names
            for job in _unfinished_jobs(context, provisioning, scenario)
        ]
    return Survivors(tuple(jobs), tuple(verdicts), tuple(_orphans(context)))


def describe(survivors: Survivors, *, is_ended: bool) -> list[str]:
    """Describe the jobs that still run, and what happens to them.

    Args:
        survivors: the jobs.
        is_ended: whether they are ended now.
    """
    lines = []
    if survivors.jobs:
        names = ", ".join(f"{job.name} ({job.state})" for job in survivors.jobs[:_MOST_NAMES])
        more = f" and {len(survivors.jobs) - _MOST_NAMES} more" if len(survivors.jobs) > _MOST_NAMES else ""
        lines.append(f"jobs of the killed run still run: {names}{more}")
        if not is_ended:
            lines.append("trials with the same parameters continue with them; to end them first, add --end-jobs")
    for orphan in survivors.orphans:
        processes = ", ".join(map(str, orphan.processes))
        lines.append(f"jobs of the killed run still run on this machine: processes {processes} in {orphan.directory}")
        if not is_ended:
            lines.append("no trial continues with them; to end them, add --end-jobs, or use: harness reap")
    return lines


def end_survivors(survivors: Survivors, context: RunContext, say: Say) -> None:
    """End the jobs, and delete their resource groups and shares.

    Raises:
        CloudError: the cloud cannot be reached.
    """
    with context.provisioning(_CASSETTE) as provisioning:
        for reaped in reap(
            survivors.resources,
            context.cloud,
            provisioning.clients,
            report=lambda _reaped: None,
            services=service_resources(),
        ):
            resource = reaped.verdict.resource
            say(
                f"NOT deleted {resource.kind} {resource.name}: {reaped.error}"
                if reaped.error
                else f"deleted {resource.name}"
            )
    for orphan in survivors.orphans:
        is_deleted = remove_orphan(orphan)
        say(f"{'deleted' if is_deleted else 'NOT deleted'} {orphan.directory}")


def _unfinished_jobs(context: RunContext, provisioning: Provisioning, scenario: Scenario) -> list[JobView]:
    service = context.service
    cluster = service.cluster(
        provisioning, group=scenario.resource_group, name=scenario.cluster.name, plan=plan_of(scenario)
    )
    name, jobs = experiment_of(context, scenario), dict[str, JobView]()
    for number in count():
        experiment_jobs = service.list_jobs(provisioning, cluster, numbered_experiment(name, number))
        jobs |= experiment_jobs
        if number and not experiment_jobs:
            break
    return [job for job in jobs.values() if not job.is_finished]


def _orphans(context: RunContext) -> list[Orphan]:
    """Return the jobs of this run in data directories of emulators that ended with the killed process."""
    facts = context.cloud.facts
    directories = [
        Path(entry.place)
        for entry in context.journal.open_entries()
        if entry.run == facts.run and entry.cloud == "emulator" and entry.place != facts.directory
    ]
    return [orphan for orphan in find_orphans(directories) if orphan.directory in directories and orphan.processes]
