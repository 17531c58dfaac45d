"""A run directory shows the trials that are running, and none after the run has ended."""

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.experiments.running_trials import RUNNING, LiveTrial, RunningTrials, read_running
from harness.file_lock import lock_file
from harness.resources.events import StepRead, TrialEnded, TrialMoved

RUN_FILE = "run.json"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningTrials]:
    """Of a run that holds its directory."""
    with lock_file(tmp_path / RUN_FILE):
        running_trials = RunningTrials(tmp_path / RUNNING, SystemClock())
        yield running_trials
        running_trials.close()


def shown(run: Path, count: int) -> list[LiveTrial]:
    """The trials, once the file has so many."""
    clock = SystemClock()
    while len(trials := read_running(run, RUN_FILE)) != count or not (run / RUNNING).exists():
        clock.sleep(0.02)
    return trials


def test_trials_are_there_with_their_last_values_until_their_jobs_end(running: RunningTrials, tmp_path: Path) -> None:
    running(TrialMoved("a", "job-a", "queued"))
    running(TrialMoved("a", "job-a", "running"))
    running(TrialMoved("b", "job-b", "queued"))
    running(StepRead("a", "loss", 1, 2.5))
    running(StepRead("a", "loss", 2, math.inf))
    running(StepRead("unknown", "loss", 2, 1.0))
    first, second = shown(tmp_path, 2)
    assert (first.trial, first.state, first.metrics) == ("a", "running", {"loss": (2, math.inf)})
    assert (second.trial, second.state, second.metrics) == ("b", "queued", {})

    running(TrialMoved("a", "job-a", "succeeded"))
    assert [trial.trial for trial in shown(tmp_path, 1)] == ["b"]
    running(TrialEnded("b", "succeeded", True))
    assert shown(tmp_path, 0) == []


def test_the_file_is_deleted_when_the_run_ends(running: RunningTrials, tmp_path: Path) -> None:
    running(TrialMoved("a", "job-a", "running"))
    shown(tmp_path, 1)
    running.close()
    running(TrialMoved("b", "job-b", "running"))

    assert not (tmp_path / RUNNING).exists()


def test_a_run_continues_when_the_system_can_start_no_more_threads(running: RunningTrials, tmp_path: Path) -> None:
    earlier = threading.stack_size(1 << 47)  # more than there are addresses
    try:
        with pytest.raises(RuntimeError):
            threading.Thread().start()
        running(TrialMoved("a", "job-a", "running"))
    finally:
        threading.stack_size(earlier)
    running(TrialMoved("b", "job-b", "running"))

    assert [trial.trial for trial in shown(tmp_path, 2)] == ["a", "b"]


def test_what_a_killed_run_has_left_does_not_run(running: RunningTrials, tmp_path: Path) -> None:
    running(TrialMoved("a", "job-a", "running"))
    shown(tmp_path, 1)
    content = (tmp_path / RUNNING).read_bytes()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / RUNNING).write_bytes(content)
    (tmp_path / "killed" / RUN_FILE).touch()

    assert read_running(tmp_path / "killed", RUN_FILE) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "7", "[7]", '[{"trial": "a"}]', '[{"trial": 1, "state": 2, "since": "x"}]', "[" * 9999),
        '[{"trial": "a", "state": "running", "since": 1, "metrics": {"loss": [Infinity, 1]}}]',
    ],
)
def test_a_file_that_is_none_shows_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / RUNNING).write_text(text)
    with lock_file(tmp_path / RUN_FILE):
        assert read_running(tmp_path, RUN_FILE) == []
