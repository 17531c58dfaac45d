"""``--set``: the values of parameters."""

import pytest

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from tests.scenario.conftest import QUICKSTART, Change


def test_set_replaces_a_parameter_with_its_yaml_value() -> None:
    (trial,) = load_scenario(QUICKSTART, {"epochs": "0"}).trials
    assert trial.parameters == {"epochs": 0}


def test_a_parameter_that_is_a_text_stays_one(changed: Change) -> None:
    path = changed("epochs: 5", "epochs: '3.9'")
    for typed in ("3.10", "1,2", "[a", "null", "true", "a: b"):
        (trial,) = load_scenario(path, {"epochs": typed}).trials
        assert trial.parameters == {"epochs": typed}


def test_quotes_make_a_text(changed: Change) -> None:
    assert load_scenario(QUICKSTART, {"epochs": "'1,2'"}).parameters == {"epochs": "1,2"}
    assert load_scenario(changed("epochs: 5", "epochs: a"), {"epochs": "'b'"}).parameters == {"epochs": "b"}


def test_an_unknown_name_is_refused_with_the_nearest_or_all() -> None:
    with pytest.raises(ScenarioError, match="--set epoch: no such parameter; did you mean 'epochs'"):
        load_scenario(QUICKSTART, {"epoch": "1"})
    with pytest.raises(ScenarioError, match="--set rate: no such parameter; one of: epochs"):
        load_scenario(QUICKSTART, {"rate": "1"})


def test_a_scenario_without_parameters_says_so(changed: Change) -> None:
    path = changed("parameters: {epochs: 5}", "parameters: {}", "--epochs {epochs}", "")
    with pytest.raises(ScenarioError, match="no such parameter; the scenario has no parameters"):
        load_scenario(path, {"epochs": "1"})


@pytest.mark.parametrize("typed", ["1,2,3", "[1, 2, 3]", "[1,2,3]"])
def test_several_values_get_the_hint_to_sweep(typed: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(QUICKSTART, {"epochs": typed})
    assert f"--set epochs={typed}: give one value" in str(caught.value)
    assert "sweep: {grid: {epochs: [1, 2, 3]}}" in str(caught.value)


@pytest.mark.parametrize("typed", ["", "null", "{a: 1}"])
def test_what_is_not_one_value_is_refused(typed: str) -> None:
    with pytest.raises(ScenarioError, match="give one number, text or boolean"):
        load_scenario(QUICKSTART, {"epochs": typed})


@pytest.mark.parametrize("typed", ["[", "a: b: c", "&a [*a]", "!!python/name:os.system x"])
def test_what_is_not_yaml_is_refused(typed: str) -> None:
    with pytest.raises(ScenarioError, match="this is not a YAML value"):
        load_scenario(QUICKSTART, {"epochs": typed})
