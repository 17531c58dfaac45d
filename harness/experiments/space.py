"""The trials of a scenario."""

from harness.scenario.model import Scenario, Trial


def expand(scenario: Scenario) -> tuple[Trial, ...]:
    """The trials that a run of the scenario consists of, in file order."""
    return scenario.trials
