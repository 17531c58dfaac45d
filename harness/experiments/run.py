"""Runs a whole scenario: creates its shared resources, runs its trials on them, and deletes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.experiments.fetching import BackgroundFetcher, Fetcher, ImmediateFetcher
from harness.experiments.outcomes import Outcome
from harness.experiments.run_context import (
    JobTarget,
    RunContext,
    numbered_experiment,
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

# Seconds. Following the log of a job takes three requests, which delay the other trials of a sweep. The log of a
# shorter job is downloaded before a user could read it.
_FOLLOWED_AFTER = 0.5


def run_scenario(
    context: RunContext,
    scenario: Scenario,
    trials: Sequence[Trial],
    directory: RunDirectory,
    report: Callable[[Outcome], None],
) -> None:
    """Create the resources of a scenario, run trials on them, and delete them.

    Args:
        context: where the scenario runs.
        scenario: the whole scenario.
        trials: the trials to run; without trials, nothing is created.
        directory: gets outcomes and files.
        report: gets each outcome once it is in the directory.

    Raises:
        CloudError: the cloud refuses a request; all resources are deleted.
        Interrupted: the process received a signal; all resources are deleted.
    """
    if not trials:
        return

    def record(outcome: Outcome) -> None:
        directory.outcomes.append(outcome)
        report(outcome)

    with open_group(context, scenario) as group, open_volumes(context, scenario, group) as volumes:
        spent = 0.0
        for spec, members in _group_by_cluster(trials):
            if context.interruption.is_draining:
                break
            with open_cluster(context, scenario, group.name, spec) as cluster:
                target = target_of(context, scenario.on(spec), volumes, cluster, spent=spent)
                run_trials(context, target, scenario=scenario, trials=members, directory=directory, report=record)
            spent = target.meter.spent


def _group_by_cluster(trials: Sequence[Trial]) -> list[tuple[ClusterSpec, list[Trial]]]:
    """The trials of each cluster, in the order in which clusters first occur; clusters are created one by one."""
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
    reruns: Sequence[Trial] = (),
    limit: int | None = None,
    at_once: int | None = None,
) -> None:
    """Create the resources of a scenario, run the trials that a study chooses, and delete the resources.

    Args:
        context: where the scenario runs.
        scenario: a scenario with a search.
        study: chooses the trials, and gets their outcomes.
        directory: gets outcomes and files; its earlier outcomes are reported to the study.
        report: gets each outcome once it is in the directory.
        reruns: trials of earlier processes that run again, before those of the study.
        limit: the maximum number of trials of the study that begin.
        at_once: the maximum number of concurrent trials; default the scenario's, else as many as fit on the nodes.

    Raises:
        CloudError: the cloud refuses a request; all resources are deleted.
        Interrupted: the process received a signal; all resources are deleted.
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
            outcomes=directory.latest_outcomes(scenario),
            reruns=reruns,
            metric=watched_metric(scenario),
            at_once=at_once or (search.at_once if search else None),
            limit=limit,
        )
        # The study must have the outcome of a trial before it chooses the next one.
        _schedule(context, target, scenario, source, record, fetcher=ImmediateFetcher(context.cloud.clock))


def run_trials(
    context: RunContext,
    target: JobTarget,
    *,
    scenario: Scenario,
    trials: Sequence[Trial],
    directory: RunDirectory,
    report: Callable[[Outcome], None],
) -> None:
    """Run trials on resources that exist already.

    Raises:
        CloudError: the cloud refuses a request; the jobs are deleted.
        Interrupted: the process received a signal; the jobs are deleted.
    """
    is_concurrent = context.policy.is_live and len(trials) > 1
    followed_after = _FOLLOWED_AFTER if is_concurrent else 0.0
    submission = _Submission(context, target, scenario, directory, followed_after=followed_after)
    source = KnownTrials(trials, submission.pending)
    fetcher = BackgroundFetcher(context.cloud.clock) if is_concurrent else ImmediateFetcher(context.cloud.clock)
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
        capacity=target.cluster.plan.max_nodes,
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
            experiment=numbered_experiment(self.target.experiment, experiment),
            makes_experiment=experiment > 0 and position == 0,
            followed_after=self.followed_after,
        )
