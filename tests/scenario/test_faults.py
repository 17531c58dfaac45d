from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError, UserError
from harness.fault_vocabulary import FAULTS
from harness.scenario.faults import FaultsSpec, with_faults
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"

Load = Callable[[str], Scenario]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads the quickstart with a section ``faults`` in its last line."""

    def load_it(faults: str) -> Scenario:
        path = tmp_path / "faulty.yaml"
        path.write_text(f"{QUICKSTART.read_text().rstrip()}\nfaults: {faults}\n")
        return load_scenario(path)

    return load_it


def test_a_scenario_without_them_states_none() -> None:
    assert load_scenario(QUICKSTART).faults.rules == {}


def test_a_fault_is_a_rate_or_a_rule(load: Load) -> None:
    faults = load("{seed: 7, throttle: 0.3, expired-token: {rate: 1, times: 2}, slow: {rate: 0.5, seconds: 3}}").faults
    assert faults.seed == 7
    assert faults.rules == {
        "throttle": 0.3,
        "expired-token": {"rate": 1, "times": 2},
        "slow": {"rate": 0.5, "seconds": 3},
    }


def test_their_text_is_one_line(load: Load) -> None:
    faults = load("{seed: 7, throttle: 0.3, preempt: {rate: 1, times: 1}, slow: {rate: 0.5, seconds: 3}}").faults
    assert str(faults) == "throttle 0.3, slow 0.5 for 3 s, preempt 1 at most 1 time(s); seed 7"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ("{throtle: 0.3}", "faults.throtle: there is no such field; did you mean 'throttle'?"),
        ("{meteor: 0.3}", "faults.meteor: there is no such field; one of: seed, throttle, unavailable"),
        ("{expired_token: 0.3}", "did you mean 'expired-token'?"),
        ("{throttle: 3}", "faults.throttle: must be at most 1; found 3"),
        ("{throttle: often}", "faults.throttle: must be a number; found 'often'"),
        ("{throttle: {times: 3}}", "faults.throttle.rate: is required"),
        ("{throttle: {rate: 1, times: 0}}", "faults.throttle.times: must be at least 1; found 0"),
        (
            "{drop: {rate: 1, seconds: 3}}",
            "faults.drop: drop has no duration; throttle, slow, late-read, clock-skew, preempt have one",
        ),
        ("{seed: lucky}", "faults.seed: must be a whole number; found 'lucky'"),
    ],
)
def test_mistakes_are_reported_with_their_line(load: Load, faults: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(faults)
    line = len(QUICKSTART.read_text().rstrip().splitlines()) + 1
    assert f"faulty.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_command_line_adds_to_them_and_wins() -> None:
    spec = FaultsSpec.model_validate({"seed": 7, "throttle": 0.3, "drop": 0.1})
    faults = with_faults(spec, ["drop=0.5", "preempt={rate: 1, times: 1}"], None)
    assert (faults.seed, faults.rules) == (7, {"throttle": 0.3, "drop": 0.5, "preempt": {"rate": 1, "times": 1}})
    assert with_faults(spec, [], 9).seed == 9


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("meteor=1", "there is no fault 'meteor'; the faults are throttle, .*, preempt"),
        ("drop", "write NAME=RATE"),
        ("drop=", "write NAME=RATE"),
        ("throtle=1", "there is no fault 'throtle'; did you mean 'throttle'"),
        ("drop=2", "--fault drop: must be at most 1; found 2"),
        ("drop={rate: 1, seconds: 3}", "--fault drop: drop has no duration"),
        ("drop={", "--fault drop={: .* is not a rate"),
    ],
)
def test_a_word_that_is_no_fault_is_refused(word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        with_faults(FaultsSpec(), [word], None)


def test_the_format_has_a_field_for_every_fault() -> None:
    fields = {field.alias or name for name, field in FaultsSpec.model_fields.items()}
    assert fields == {"seed", *FAULTS}
