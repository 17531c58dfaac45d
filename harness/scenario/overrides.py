"""Values of parameters from a command line, for each scenario that has the parameter."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.suggestions import suggestion


def load_scenarios(paths: Sequence[Path], values: Mapping[str, str]) -> list[Scenario]:
    """Load scenario files; a value applies to each scenario that has a parameter of its name.

    Raises:
        ScenarioError: a file is wrong, two files name the same scenario, or no scenario has a parameter of a name.
    """
    scenarios = [load_scenario(path) for path in paths]
    files: dict[str, Path] = {}
    for scenario in scenarios:
        if scenario.scenario in files:
            raise ScenarioError(same_name_message(scenario.scenario, files[scenario.scenario], scenario.path))
        files[scenario.scenario] = scenario.path
    names = dict.fromkeys(name for scenario in scenarios for name in parameter_names(scenario))
    for name in values:
        if name not in names:
            hint = suggestion(name, names) or "the scenarios have no parameters"
            raise ScenarioError(f"--set {name}: no such parameter; {hint}")
    return [with_values(scenario, values) for scenario in scenarios]


def with_values(scenario: Scenario, values: Mapping[str, str]) -> Scenario:
    """Return the scenario with those values for which it has a parameter.

    Raises:
        ScenarioError: a value is wrong.
    """
    mine = {name: value for name, value in values.items() if name in parameter_names(scenario)}
    return load_scenario(scenario.path, mine) if mine else scenario


def parameter_names(scenario: Scenario) -> list[str]:
    """Return the names of the parameters of a scenario, including swept ones."""
    return list(scenario.parameters)


def same_name_message(name: str, first: Path, second: Path) -> str:
    """Return the message for two files with the same name of a scenario."""
    return f"two scenarios are called {name!r}: {first}, {second}; give each its own name"
