"""Expectations on a sweep as tests: items that are selected, repeated, distributed and reported like trials."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.emulator.endpoint import Endpoint
from tests.fakes import write_scenario

Run = Callable[..., pytest.RunResult]

SWEEP = (
    "{grid: {score: [1, 2]}, goal: {minimize: score}, expect: {best: {score: {max: 1}}, failures: 0,"
    " monotone: [{metric: score, parameter: score, direction: decreasing}]}}"
)


@pytest.fixture
def recorded(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint) -> Path:
    """A project with the recording of two trials; one of three expectations on their sweep is not met."""
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "state"))
    for path in pytester.path.glob("test_*.py"):
        path.unlink()
    write_scenario(pytester.mkdir("scenarios"), SWEEP)
    run("scenarios", "--cloud", "emulator", "--record").assert_outcomes(passed=4, failed=1)
    return pytester.path


def test_each_expectation_is_an_item_for_all_that_pytest_does_with_items(run: Run, recorded: Path) -> None:
    replayed = run("scenarios", "-v", "--junitxml=junit.xml")
    replayed.assert_outcomes(passed=4, failed=1)
    replayed.stdout.fnmatch_lines(
        [
            "*short.yaml::short?score=1? PASSED*",
            "*short.yaml::short-sweep?best=score? PASSED*",
            "*short.yaml::short-sweep?failures=0? PASSED*",
            "*short.yaml::short-sweep?monotone=score,by=score? FAILED*",
            "*short.yaml:13: sweep.expect.monotone.0*",
            "*observed: 1 to 2 from score=1 to 2 (score=2)",
            "*expected: score decreasing with score",
        ]
    )
    cases = {str(case.get("name")): case for case in ET.parse(recorded / "junit.xml").iter("testcase")}
    failure = cases["short-sweep[monotone=score,by=score]"].find("failure")
    assert failure is not None
    assert "observed: 1 to 2" in (failure.text or "")

    run("scenarios", "--lf").assert_outcomes(failed=1)
    # A single worker runs the trials that it needs; several workers share the outcomes.
    run("scenarios", "-k", "best=score").assert_outcomes(passed=1, deselected=4)
    run("scenarios", "-n", "2").assert_outcomes(passed=4, failed=1)
