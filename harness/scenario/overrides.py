"""Values of a command line for the scenarios that have parameters of their names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.suggestions import suggestion


def load_scenarios(paths: Sequence[Path], values: Mapping[str, str]) -> list[Scenario]:
    """Load scenario files; a value goes to each scenario that has a parameter of its name.

    Raises:
        ScenarioError: a file is wrong, two files name the same scenario, or no scenario has a parameter of a name.
    """
    loaded = [load_scenario(path) for path in paths]
    files: dict[str, Path] = {}
    for scenario in loaded:
        if scenario.scenario in files:
            raise ScenarioError(same_name(scenario.scenario, files[scenario.scenario], scenario.path))
        files[scenario.scenario] = scenario.path
    known = dict.fromkeys(name for scenario in loaded for name in parameter_names(scenario))
    for name in values:
        if name not in known:
            hint = suggestion(name, known) or "the scenarios have none"
            raise ScenarioError(f"--set {name}: no such parameter; {hint}")
    return [with_values(scenario, values) for scenario in loaded]


def with_values(scenario: Scenario, values: Mapping[str, str]) -> Scenario:
    """The scenario with those of the values that it has a parameter for.

    Raises:
        ScenarioError: a value does not fit.
    """
    mine = {name: value for name, value in values.items() if name in parameter_names(scenario)}
    return load_scenario(scenario.path, mine) if mine else scenario


def parameter_names(scenario: Scenario) -> list[str]:
    """The parameters of a scenario, swept ones too."""
    return list(scenario.parameters)


def same_name(name: str, first: Path, second: Path) -> str:
    """The message for two files that name the same scenario."""
    return f"two scenarios are called {name!r}: {first}, {second}; give each its own name"
