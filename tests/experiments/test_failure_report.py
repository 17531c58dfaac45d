"""What is shown of a trial that went wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.experiments.failure_report import FailureReport, explain_failure, render
from harness.experiments.outcomes import Outcome, Unmet
from harness.scenario.model import Scenario


@pytest.fixture
def report(example: Outcome) -> FailureReport:
    outcome = replace(
        example,
        parameters={"rate": 0.1, "epochs": 5},
        errors=("JobFailed: non-zero exit code",),
        unmet=(Unmet("expect.metrics.test_error", 2, "0.0673", "at most 0.05"),),
    )
    directory = Path("runs/one/rate=0.1")
    return FailureReport(Path("s.yaml"), outcome, "stderr.txt", ("almost", "done"), directory)


def test_everything_that_a_person_needs_is_shown(report: FailureReport, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("expect:\n  metrics: {test_error: {max: 0.05}}\n")
    assert render(replace(report, scenario=path)) == (
        f"trial rate=0.1 of {path}\n"
        f"{path}:2: expect.metrics.test_error\n"
        "    > metrics: {test_error: {max: 0.05}}\n"
        "    observed: 0.0673\n"
        "    expected: at most 0.05\n"
        "parameters: rate=0.1, epochs=5\n"
        "job: succeeded, exit code 0\n"
        "reported: JobFailed: non-zero exit code\n"
        "stderr.txt, its last 2 line(s):\n"
        "    almost\n"
        "    done\n"
        "files: runs/one/rate=0.1"
    )


def test_a_scenario_that_was_deleted_is_shown_without_its_lines(report: FailureReport) -> None:
    assert "    > " not in render(report)


def test_a_terminated_job_has_no_exit_code_and_may_have_no_log(report: FailureReport) -> None:
    outcome = replace(report.outcome, exit_code=None, errors=())
    shown = render(replace(report, outcome=outcome, log="", tail=(), directory=None))
    assert shown.endswith("job: succeeded, exit code unknown")


def test_control_characters_are_displayed(report: FailureReport) -> None:
    assert r"    \x1b[2J" in render(replace(report, tail=("\x1b[2J",)))


def test_the_end_of_the_log_that_says_most_is_taken(quickstart: Scenario, example: Outcome, tmp_path: Path) -> None:
    outcome = replace(example, files={"stdouterr": ["stdout-0.txt", "stderr-0.txt", "stderr-1.txt"]}, directory="trial")
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "stderr-0.txt").write_text("\n")
    (tmp_path / "trial" / "stderr-1.txt").write_text("".join(f"line {number}\n" for number in range(100)))
    report = explain_failure(outcome, quickstart, tmp_path)

    assert report.log == "stderr-1.txt"
    assert (report.tail[0], report.tail[-1], len(report.tail)) == ("line 80", "line 99", 20)
    assert report.directory == tmp_path / "trial"
