"""A whole scenario: its shared resources, and the trials that run on them."""

from collections.abc import Callable, Sequence

from harness.experiments.outcomes import Outcome
from harness.experiments.run_context import JobTarget, RunContext, open_cluster, open_group, open_volumes, target_of
from harness.experiments.run_directory import RunDirectory
from harness.experiments.scheduler import TrialScheduler
from harness.experiments.trial import PendingTrial
from harness.scenario.model import ClusterSpec, Scenario, Trial


def run_scenario(
    context: RunContext,
    scenario: Scenario,
    trials: Sequence[Trial],
    directory: RunDirectory,
    report: Callable[[Outcome], None],
) -> None:
    """Make what the scenario needs, run trials on it, and delete it again.

    Args:
        context: where.
        scenario: the whole scenario.
        trials: those of it to run; none means that nothing is made.
        directory: gets outcomes and files.
        report: gets each outcome once it is in the directory.

    Raises:
        CloudError: the cloud refuses; nothing is left behind.
        Interrupted: the process was asked to end; nothing is left behind.
    """
    if not trials:
        return

    def record(outcome: Outcome) -> None:
        directory.outcomes.append(outcome)
        report(outcome)

    with open_group(context, scenario) as group, open_volumes(context, scenario, group) as volumes:
        spent = 0.0
        for cluster, some in by_cluster(trials):
            with open_cluster(context, scenario, group.name, cluster) as made:
                target = target_of(context, scenario.on(cluster), volumes, made, spent=spent)
                run_trials(context, target, scenario=scenario, trials=some, directory=directory, report=record)
            spent = target.meter.spent


def by_cluster(trials: Sequence[Trial]) -> list[tuple[ClusterSpec, list[Trial]]]:
    """The trials of each cluster, in the order in which clusters first occur; one is made after the other."""
    groups: dict[str, tuple[ClusterSpec, list[Trial]]] = {}
    for trial in trials:
        groups.setdefault(trial.cluster.name, (trial.cluster, []))[1].append(trial)
    return list(groups.values())


def run_trials(
    context: RunContext,
    target: JobTarget,
    *,
    scenario: Scenario,
    trials: Sequence[Trial],
    directory: RunDirectory,
    report: Callable[[Outcome], None],
) -> None:
    """Run trials where everything that they share exists.

    Raises:
        CloudError: the cloud refuses; the jobs are deleted.
        Interrupted: the process was asked to end; the jobs are deleted.
    """
    scheduler = TrialScheduler(
        [PendingTrial(context, target, scenario, trial, directory.trial(scenario, trial)) for trial in trials],
        capacity=target.cluster.plan.most,
        limits=scenario.limits,
        poller=context.cloud.poller,
        interruption=context.interruption,
        report=report,
        meter=target.meter,
    )
    scheduler.run()
