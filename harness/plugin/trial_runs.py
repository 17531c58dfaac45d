"""How fixtures run a trial: on the shared resources of its scenario, or alone."""

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
    """Run a trial on a cluster that is open."""
    outcomes: list[Outcome] = []
    experiments.run_trials(
        context, target, scenario=scenario, trials=[trial], directory=directory, report=outcomes.append
    )
    return outcomes[0]


def run_late(
    request: pytest.FixtureRequest,
    context: "RunContext",
    scenario: "Scenario",
    trial: "Trial",
    directory: "RunDirectory",
) -> "Outcome":
    """Run a trial that no test of its own has run."""
    if scenario.scope == "function":
        return run_alone(context, scenario, trial, directory)
    volumes, own = request.getfixturevalue("harness_volumes"), scenario.on(trial.cluster)
    with ExitStack() as stack:
        if trial.cluster == scenario.cluster:
            cluster = request.getfixturevalue("gpu_cluster")
        else:
            opened = experiments.open_cluster(context, scenario, volumes[0].group, trial.cluster)
            cluster = stack.enter_context(opened)
        target = experiments.target_of(context, own, volumes, cluster)
        return run_trial(context, target, scenario, trial, directory)


def run_alone(context: "RunContext", scenario: "Scenario", trial: "Trial", directory: "RunDirectory") -> "Outcome":
    """With a group, share and cluster of the trial's own, all in the cassette of the trial."""
    with (
        experiments.open_alone(context, f"{scenario.scenario}/{trial.id}", source=scenario.path) as alone,
        experiments.open_target(alone, scenario.on(trial.cluster)) as target,
    ):
        return run_trial(alone, target, scenario, trial, directory)
