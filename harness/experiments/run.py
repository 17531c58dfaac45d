"""A whole scenario: its shared resources, and the trials that run on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.experiments.fetching import FetchAtOnce, FetchBeside, Fetcher
from harness.experiments.outcomes import Outcome
from harness.experiments.run_context import (
    JobTarget,
    RunContext,
    further_experiment,
    open_cluster,
    open_group,
    open_target,
    open_volumes,
    target_of,
)
from harness.experiments.run_directory import RunDirectory
from harness.experiments.scheduler import TrialScheduler
from harness.experiments.search_trials import SearchTrials
from harness.experiments.trial import PendingTrial, RunningTrial
from harness.experiments.trial_source import KnownTrials, TrialSource
from harness.scenario.cluster import ClusterSpec
from harness.scenario.consistency import watched_metric
from harness.scenario.model import Scenario, Trial

if TYPE_CHECKING:
    from harness.search import Study

# Seconds. To follow the log of a job takes three requests, for which the other trials of a sweep would wait; a job that
# is over this fast has its log downloaded before anybody could read it.
_FOLLOWED_AFTER = 0.5


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
        trials: the trials to run; if there are none, nothing is created.
        directory: gets outcomes and files. report: gets each outcome once it is in the directory.

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
            if context.interruption.is_draining:
                break
            with open_cluster(context, scenario, group.name, cluster) as made:
                target = target_of(context, scenario.on(cluster), volumes, made, spent=spent)
                run_trials(context, target, scenario=scenario, trials=some, directory=directory, report=record)
            spent = target.meter.spent


def by_cluster(trials: Sequence[Trial]) -> list[tuple[ClusterSpec, list[Trial]]]:
    """The trials of each cluster, in the order in which clusters first occur, which are created one by one."""
    groups: dict[str, tuple[ClusterSpec, list[Trial]]] = {}
    for trial in trials:
        groups.setdefault(trial.cluster.name, (trial.cluster, []))[1].append(trial)
    return list(groups.values())


def run_search(
    context: RunContext,
    scenario: Scenario,
    study: "Study",
    directory: RunDirectory,
    report: Callable[[Outcome], None],
    *,
    again: Sequence[Trial] = (),
    limit: int | None = None,
    at_once: int | None = None,
) -> None:
    """Make what the scenario needs, run the trials that a study asks for, and delete it again.

    Args:
        context: where.
        scenario: with a search.
        study: chooses the trials, and gets their outcomes.
        directory: gets outcomes and files; its earlier outcomes are reported to the study.
        report: gets each outcome once it is in the directory.
        again: trials that an earlier process has run, and that are run again first.
        limit: how many trials of the study begin at most.
        at_once: how many run at a time; default as many as the scenario says, else as there are nodes for.

    Raises:
        CloudError: the cloud refuses; nothing is left behind.
        Interrupted: the process was asked to end; nothing is left behind.
    """
    search = scenario.sweep.search

    def record(outcome: Outcome) -> None:
        directory.outcomes.append(outcome)
        report(outcome)

    with open_target(context, scenario) as target:
        source = SearchTrials(
            study,
            scenario,
            _Submission(context, target, scenario, directory).pending,
            done=directory.latest(scenario),
            again=again,
            metric=watched_metric(scenario),
            at_once=at_once or (search.at_once if search else None),
            limit=limit,
        )
        # The search is to know how trials ended before it is asked for another.
        _schedule(context, target, scenario, source, record, fetcher=FetchAtOnce(context.cloud.clock))


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
    is_beside = context.policy.is_live and len(trials) > 1
    submission = _Submission(context, target, scenario, directory, followed_after=_FOLLOWED_AFTER if is_beside else 0.0)
    source = KnownTrials(trials, submission.pending)
    fetcher = FetchBeside(context.cloud.clock) if is_beside else FetchAtOnce(context.cloud.clock)
    _schedule(context, target, scenario, source, report, fetcher=fetcher)


def _schedule(
    context: RunContext,
    target: JobTarget,
    scenario: Scenario,
    source: TrialSource[PendingTrial, RunningTrial],
    report: Callable[[Outcome], None],
    *,
    fetcher: Fetcher,
) -> None:
    TrialScheduler(
        source,
        capacity=target.cluster.plan.most,
        limits=scenario.limits,
        poller=context.cloud.poller,
        interruption=context.interruption,
        report=report,
        meter=target.meter,
        fetcher=fetcher,
    ).run()


@dataclass
class _Submission:
    """Prepares trials for submission, and divides them among experiments."""

    context: RunContext
    target: JobTarget
    scenario: Scenario
    directory: RunDirectory
    followed_after: float = 0.0
    _count: int = 0

    def pending(self, trial: Trial) -> PendingTrial:
        most = self.context.policy.most_jobs
        experiment, position = (0, self._count) if most is None else divmod(self._count, most)
        self._count += 1
        return PendingTrial(
            self.context,
            self.target,
            self.scenario,
            trial,
            self.directory.trial(self.scenario, trial),
            experiment=further_experiment(self.target.experiment, experiment),
            makes_experiment=experiment > 0 and position == 0,
            followed_after=self.followed_after,
        )
