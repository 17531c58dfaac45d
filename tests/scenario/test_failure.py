from dataclasses import replace
from pathlib import Path

from harness.scenario.failure import Broken, FailureView, render

VIEW = FailureView(
    scenario=Path("s.yaml"),
    trial="rate=0.1",
    parameters={"rate": 0.1, "epochs": 5},
    state="succeeded",
    exit_code=0,
    broken=(Broken(2, "expect.metrics.test_error", "0.0673", "at most 0.05"),),
    reported=("JobFailed: non-zero exit code",),
    log="stderr.txt",
    tail=("line 98", "line 99"),
    directory=Path("runs/one/rate=0.1"),
)


def test_everything_that_a_person_needs_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("expect:\n  metrics: {test_error: {max: 0.05}}\n")
    shown = render(replace(VIEW, scenario=path, tail=("almost", "done")))
    assert shown == (
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


def test_a_scenario_that_has_gone_is_shown_without_its_lines() -> None:
    assert "    > " not in render(VIEW)


def test_a_terminated_job_has_no_exit_code_and_may_have_no_log() -> None:
    shown = render(replace(VIEW, exit_code=None, reported=(), log="", tail=(), directory=None))
    assert shown.endswith("job: succeeded, exit code unknown")
