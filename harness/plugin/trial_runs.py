"""Runs a trial for a fixture: on the shared resources of its scenario, or on resources for this trial only."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from harness import experiments

if TYPE_CHECKING:
    from harness.experiments.outcomes import Outcome
    from harness.experiments.run_context import JobTarget, RunContext
    from harness.experiments.run_directory import RunDirectory
    from harness.scenario.model import Scenario, Trial


def run_trial(
    context: "RunContext", target: "JobTarget", scenario: "Scenario", trial: "Trial", directory: "RunDirectory"
) -> "Outcome":
    """Run a trial on an existing cluster."""
    outcomes: list[Outcome] = []
    experiments.run_trials(
        context, target, scenario=scenario, trials=[trial], directory=directory, report=outcomes.append
    )
    return outcomes[0]


def run_missing_trial(
    request: pytest.FixtureRequest,
    context: "RunContext",
    scenario: "Scenario",
    trial: "Trial",
    directory: "RunDirectory",
) -> "Outcome":
    """Run a trial whose own test has not run."""
    if scenario.scope == "function":
        return run_isolated(context, scenario, trial, directory)
    volumes, own = request.getfixturevalue("harness_volumes"), scenario.on(trial.cluster)
    with ExitStack() as stack:
        if trial.cluster == scenario.cluster:
            cluster = request.getfixturevalue("gpu_cluster")
        else:
            opened = experiments.open_cluster(context, scenario, volumes[0].group, trial.cluster)
            cluster = stack.enter_context(opened)
        target = experiments.target_of(context, own, volumes, cluster)
        return run_trial(context, target, scenario, trial, directory)


def run_isolated(context: "RunContext", scenario: "Scenario", trial: "Trial", directory: "RunDirectory") -> "Outcome":
    """Run a trial with a separate group, share and cluster, all recorded in the trial's cassette."""
    with (
        experiments.open_isolated(context, f"{scenario.scenario}/{trial.id}", source=scenario.path) as isolated,
        experiments.open_target(isolated, scenario.on(trial.cluster)) as target,
    ):
        return run_trial(isolated, target, scenario, trial, directory)
