from pathlib import Path

import pytest

from harness.errors import ScenarioError, UserError
from harness.scenario.overrides import load_scenarios
from harness.scenario.set_option import parse_values
from tests.fakes import write_scenario


def test_the_last_value_of_a_name_wins() -> None:
    assert parse_values(["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}


@pytest.mark.parametrize("word", ["a", "=1", " =1"])
def test_what_is_no_assignment_is_refused(word: str) -> None:
    with pytest.raises(UserError, match="write NAME=VALUE, for example --set epochs=5"):
        parse_values([word])


def test_a_value_goes_to_the_scenarios_that_know_it(tmp_path: Path) -> None:
    first = write_scenario(tmp_path, name="one")
    other = write_scenario(tmp_path, name="other", parameters="parameters: {score: 0.5, code: 0, pause: 0, more: 1}")
    loaded = load_scenarios([first, other], {"more": "7", "score": "1"})
    assert [scenario.parameters.get("more") for scenario in loaded] == [None, 7]
    assert [scenario.parameters["score"] for scenario in loaded] == [1, 1]


def test_a_name_that_none_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="--set epochs: no such parameter; one of: score, code, pause"):
        load_scenarios([write_scenario(tmp_path)], {"epochs": "1"})


def test_two_scenarios_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="two scenarios are called 'short'"):
        load_scenarios([path, path], {})
