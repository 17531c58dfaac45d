"""A whole scenario: its shared resources, and the trials that run on them."""

from collections.abc import Callable, Sequence

from harness.experiments.outcomes import Outcome
from harness.experiments.run_context import JobTarget, RunContext, open_target
from harness.experiments.run_directory import RunDirectory
from harness.experiments.scheduler import TrialScheduler
from harness.experiments.trial import PendingTrial
from harness.scenario.model import Scenario, Trial


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

    with open_target(context, scenario) as target:
        run_trials(context, target, scenario=scenario, trials=trials, directory=directory, report=record)


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
        capacity=scenario.cluster.most_nodes,
        limits=scenario.limits,
        poller=context.cloud.poller,
        interruption=context.interruption,
        report=report,
        meter=target.meter,
    )
    scheduler.run()
