import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.experiments.checks import Observed, check
from harness.scenario.model import Scenario

GOOD = Observed("succeeded", 0, {"test_error": 0.022}, {}, {"MODEL": ["net_5.dnn"], "stdouterr": ["stderr.txt"]}, ())


def unmet(scenario: Scenario, observed: Observed) -> list[str]:
    return [str(expectation) for expectation in check(scenario.expect, observed, scenario)]


def test_what_came_out_as_expected_is_met(quickstart: Scenario) -> None:
    assert unmet(quickstart, GOOD) == []


def test_a_failed_job_tells_what_the_service_says(quickstart: Scenario) -> None:
    observed = replace(GOOD, state="failed", exit_code=3, errors=("JobFailed: Job failed with non-zero exit code",))
    assert unmet(quickstart, observed) == [
        "expect.state: failed (JobFailed: Job failed with non-zero exit code), expected succeeded",
        "expect.exit_code: 3, expected 0",
    ]


def test_a_terminated_job_has_no_exit_code(quickstart: Scenario) -> None:
    assert unmet(quickstart, replace(GOOD, exit_code=None)) == ["expect.exit_code: none was reported, expected 0"]


@pytest.mark.parametrize("value", [0.0, 0.05])
def test_bounds_are_inclusive(quickstart: Scenario, value: float) -> None:
    assert unmet(quickstart, replace(GOOD, metrics={"test_error": value})) == []


def test_a_metric_out_of_bounds_tells_both_and_its_line(quickstart: Scenario) -> None:
    (unmet_metric,) = check(quickstart.expect, replace(GOOD, metrics={"test_error": 0.0673}), quickstart)
    assert str(unmet_metric) == "expect.metrics.test_error: 0.0673, expected at most 0.05"
    assert "test_error: {max: 0.05}" in quickstart.path.read_text().splitlines()[unmet_metric.line - 1]


def test_a_metric_without_a_value_says_why(quickstart: Scenario) -> None:
    (message,) = unmet(quickstart, replace(GOOD, metrics={}, missing={"test_error": "no match in stderr.txt"}))
    assert message == "expect.metrics.test_error: no match in stderr.txt, expected at most 0.05"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_a_diverged_job_ends_with_meets_no_upper_bound(quickstart: Scenario, value: float) -> None:
    assert unmet(quickstart, replace(GOOD, metrics={"test_error": value})) == [
        f"expect.metrics.test_error: {value}, expected at most 0.05"
    ]


def test_nan_meets_no_lower_bound_either(changed: Callable[[str, str], Scenario]) -> None:
    scenario = changed("{max: 0.05}", "{min: 0.01}")
    assert len(unmet(scenario, replace(GOOD, metrics={"test_error": math.nan}))) == 1


def test_a_missing_file_tells_what_is_there(quickstart: Scenario) -> None:
    assert unmet(quickstart, replace(GOOD, files={"MODEL": ["net.txt"]})) == [
        "expect.files.MODEL: net.txt, expected a file like *.dnn"
    ]


def test_an_expected_failure_is_no_failure(changed: Callable[[str, str], Scenario]) -> None:
    scenario = changed("  state: succeeded\n  exit_code: 0\n", "  state: failed\n  exit_code: 3\n")
    assert unmet(scenario, replace(GOOD, state="failed", exit_code=3)) == []
