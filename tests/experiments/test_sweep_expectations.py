"""What is expected of a sweep as a whole."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError, UserError
from harness.experiments.baseline import baseline_of, read_baseline, write_baseline
from harness.experiments.outcomes import Outcome, Unmet
from harness.experiments.sweep_expectations import check_expectation, describe_unmet, sweep_checks
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from tests.results.conftest import trial

SCENARIO = """\
scenario: s
resource_group: g
share: {{name: share}}
cluster: {{name: c}}
job: {{name: j, toolkit: customToolkit, command: 'train {{rate}} {{depth}}',
      stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare}}
parameters: {{rate: 1, depth: 1}}
sweep:
  grid: {{rate: [1, 2, 3], depth: [1, 2]}}
  goal: {{minimize: loss}}
  expect: {expect}
metrics: {{loss: {{}}, acc: {{}}}}
"""
Expecting = Callable[[str], Scenario]


@pytest.fixture
def expecting(tmp_path: Path) -> Expecting:
    """A scenario that expects something of its sweep."""

    def load(expect: str) -> Scenario:
        (tmp_path / "s.yaml").write_text(SCENARIO.format(expect=expect))
        return load_scenario(tmp_path / "s.yaml")

    return load


def observed_of(scenario: Scenario, outcomes: list[Outcome]) -> list[str]:
    """The observed results of unmet expectations."""
    results = [check_expectation(scenario, check.name, outcomes) for check in sweep_checks(scenario)]
    return [unmet.observed for unmet in results if unmet is not None]


def losses(*values: float, depth: int = 1) -> list[Outcome]:
    """Trials of rates 1, 2 and so on."""
    return [
        trial({"rate": rate, "depth": depth}, {"loss": value, "acc": -value}) for rate, value in enumerate(values, 1)
    ]


FAILED = trial({"rate": 9, "depth": 1}, {"loss": 0.0}, state="failed", unmet=(Unmet("expect.state", 1, "a", "b"),))


@pytest.mark.parametrize(
    ("expect", "outcomes", "observed"),
    [
        ("{best: {loss: {max: 0.5}}}", losses(1, 0.5), ""),
        ("{best: {loss: {max: 0.4}}}", losses(1, 0.5), "0.5, of trial rate=2,depth=1"),
        ("{best: {acc: {min: -0.5}}}", losses(1, 0.5), ""),
        ("{best: {acc: {min: 0}}}", losses(1, 0.5), "-0.5, of trial rate=2,depth=1"),
        ("{best: {loss: {max: 1}}}", [FAILED, *losses(float("nan"))], "no trial that succeeded has a value of loss"),
        ("{failures: 1}", [FAILED], ""),
        ("{failures: 0}", [FAILED, *losses(1)], "1: rate=9,depth=1"),
        ("{monotone: [{metric: loss, parameter: rate, direction: decreasing}]}", losses(3, 2, 2), ""),
        ("{monotone: [{metric: loss, parameter: rate, direction: increasing}]}", losses(3, 2, 2),
         "3 to 2 from rate=1 to 2 (rate=2,depth=1)"),
        ("{monotone: [{metric: loss, parameter: rate, direction: increasing, tolerance: 1}]}", losses(3, 2, 2), ""),
        ("{monotone: [{metric: loss, parameter: rate, direction: decreasing}]}",
         [*losses(3, 1), *losses(2, 0, depth=2)], ""),
        ("{monotone: [{metric: loss, parameter: rate, direction: decreasing}]}", losses(3),
         "no two trials that succeeded differ in rate alone and have loss"),
    ],
)  # fmt: skip
def test_an_expectation_is_met_or_says_what_came_out(
    expecting: Expecting, expect: str, outcomes: list[Outcome], observed: str
) -> None:
    assert observed_of(expecting(expect), outcomes) == ([observed] if observed else [])


@pytest.mark.parametrize(
    ("now", "worse", "observed"),
    [
        (losses(1, 2), 0.0, ""),
        (losses(1, 2.25), 0.25, ""),
        (losses(0.5, 2.25), 0.0, "2 before, 2.25 now (rate=2,depth=1)"),
        (
            [*losses(1), trial({"rate": 2, "depth": 1}, {}, state="failed")],
            5.0,
            "2 before, no value now (rate=2,depth=1)",
        ),
        ([trial({"trial": 7}, {"loss": 1.5})], 0.25, "1 before, 1.5 now (the best)"),
        ([trial({"trial": 7}, {"loss": 1.25})], 0.25, ""),
    ],
)
def test_nothing_is_worse_than_the_baseline_by_more_than_it_may(
    expecting: Expecting, tmp_path: Path, now: list[Outcome], worse: float, observed: str
) -> None:
    write_baseline(tmp_path / "b" / "s.json", baseline_of("s", losses(1, 2)))
    scenario = expecting(f"{{baseline: {{file: b/s.json, worse: {{loss: {worse}}}}}}}")
    assert observed_of(scenario, now) == ([observed] if observed else [])


def test_a_baseline_reads_as_it_was_written_one_trial_a_line(tmp_path: Path) -> None:
    baseline = baseline_of("s", [*losses(2, float("inf")), FAILED])
    write_baseline(tmp_path / "s.json", baseline)
    assert read_baseline(tmp_path / "s.json") == baseline
    assert json.loads((tmp_path / "s.json").read_text())["trials"]["rate=2,depth=1"] == {"acc": "-inf", "loss": "inf"}
    assert (tmp_path / "s.json").read_text().count("\n") == 7


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"scenario": "s", "trials": [1]}',
        '{"scenario": "s", "trials": {"t": {"a": "x"}}}',
        f'{{"scenario": "s", "trials": {{"t": {{"a": 1{"0" * 400}}}}}}}',
    ],
    ids=["empty", "list", "deep", "no trials", "no number", "too large"],
)
def test_what_is_no_baseline_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(UserError, match=r"s\.json is no baseline; write one: harness baseline save RUN_DIR"):
        read_baseline(tmp_path / "s.json")


def test_each_expectation_has_a_name_and_a_line(expecting: Expecting) -> None:
    scenario = expecting(
        "{best: {loss: {max: 0.1}}, failures: 0, monotone: [{metric: loss, parameter: rate, direction: increasing}],"
        " baseline: {file: b.json, worse: {loss: 0}}}"
    )
    assert [check.name for check in sweep_checks(scenario)] == [
        "best=loss", "failures=0", "monotone=loss,by=rate", "baseline=loss",
    ]  # fmt: skip
    unmet = check_expectation(scenario, "best=loss", losses(1))
    assert unmet is not None
    assert describe_unmet(scenario, unmet) == (
        f"{scenario.path}:11: sweep.expect.best.loss\n"
        "    observed: 1, of trial rate=1,depth=1\n    expected: a best loss of at most 0.1"
    )
    assert check_expectation(scenario, "failures=0", losses(1)) is None


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{best: {los: {max: 1}}}", "sweep.expect.best.los: metrics defines no 'los'; did you mean 'loss'?"),
        (
            "{best: {loss: {max: 1, min: 0}}}",
            "sweep.expect.best.loss: give either min or max, which also decides which trial is the best",
        ),
        ("{failures: -1}", "sweep.expect.failures: "),
        (
            "{monotone: [{metric: loss, parameter: rat, direction: increasing}]}",
            "the sweep has no 'rat'; did you mean 'rate'?",
        ),
        ("{monotone: [{metric: los, parameter: rate, direction: increasing}]}", "metrics defines no 'los'"),
        (
            "{baseline: {file: b, worse: {acc: 1}}}",
            "state which values are better: sweep.goal: {minimize: acc}, or a bound",
        ),
        ("{baseline: {file: b, worse: {los: 1}}}", "metrics defines no 'los'; did you mean 'loss'?"),
        ("{baseline: {file: b, worse: {loss: -1}}}", "sweep.expect.baseline.worse.loss: "),
    ],
)
def test_what_cannot_be_judged_is_refused_when_it_is_loaded(expecting: Expecting, expect: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        expecting(expect)
    assert message in str(caught.value)
