"""``--set NAME=VALUE``: values of parameters from a command line, for one scenario or several."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import ScenarioError, UserError
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario


def parse_values(words: Iterable[str]) -> dict[str, str]:
    """Parameter name -> value as typed; the last one of a name wins.

    Raises:
        UserError: a word is no assignment.
    """
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.strip() or not equals:
            raise UserError(f"--set {word}: write NAME=VALUE, for example --set epochs=5")
        values[name.strip()] = value
    return values


def load_scenarios(paths: Sequence[Path], values: Mapping[str, str]) -> list[Scenario]:
    """Load scenario files; a value goes to each scenario that has a parameter of its name.

    Raises:
        ScenarioError: a file is wrong, two files name the same scenario, or no scenario has a parameter of a name.
    """
    plain = [load_scenario(path) for path in paths]
    names = [scenario.scenario for scenario in plain]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ScenarioError(f"two scenarios are called {twice!r}: {', '.join(map(str, paths))}; give each its own name")
    known = dict.fromkeys(name for scenario in plain for name in scenario.parameters)
    if unknown := [name for name in values if name not in known]:
        raise ScenarioError(f"--set {unknown[0]}: no such parameter; one of: {', '.join(known) or 'none'}")
    return [with_values(scenario, values) for scenario in plain]


def with_values(scenario: Scenario, values: Mapping[str, str]) -> Scenario:
    """The scenario with those of the values that it has a parameter for.

    Raises:
        ScenarioError: a value does not fit.
    """
    mine = {name: value for name, value in values.items() if name in scenario.parameters}
    return load_scenario(scenario.path, mine) if mine else scenario
