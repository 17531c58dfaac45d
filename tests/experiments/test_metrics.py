"""Metrics: what counts of a log, and what is said where nothing does."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.experiments.metrics import Readings, read_metrics
from harness.experiments.pattern_matching import PatternMatcher
from harness.scenario.model import MetricSpec

LOG = "loss = 1.36\nloss = 0.40\nerrs = 2.2%\n"
Read = Callable[..., Readings]


@pytest.fixture(scope="module")
def matcher() -> Iterator[PatternMatcher]:
    with PatternMatcher() as opened:
        yield opened


@pytest.fixture
def read(tmp_path: Path, matcher: PatternMatcher) -> Read:
    """The readings of one metric ``m`` in logs that are given by name."""

    def read_them(pattern: str, logs: dict[str, str], **spec: Any) -> Readings:
        for name, text in logs.items():
            (tmp_path / name).write_text(text)
        paths = {name: tmp_path / name for name in logs}
        return read_metrics({"m": MetricSpec(pattern=pattern, **spec)}, paths, matcher)

    return read_them


def test_the_last_match_wins_and_a_step_metric_keeps_its_series(read: Read) -> None:
    readings = read(r"loss = ([0-9.]+)", {"stderr.txt": LOG}, step=True)
    assert (readings.last, readings.series) == ({"m": 0.40}, {"m": [1.36, 0.40]})


def test_a_percentage_is_scaled_to_a_fraction(read: Read) -> None:
    assert read(r"errs = ([0-9.]+)%", {"stderr.txt": LOG}, scale=0.01).last["m"] == pytest.approx(0.022)


def test_the_last_match_counts_where_training_diverged(read: Read) -> None:
    readings = read(r"loss = (\S+)", {"stderr.txt": "loss = 0.04\nloss = inf\nloss = nan\n"}, step=True)
    assert math.isnan(readings.last["m"])
    assert str(readings.series["m"]) == "[0.04, inf, nan]"


def test_a_last_match_that_is_no_number_is_no_value_and_is_shown(read: Read) -> None:
    readings = read(r"x=(\S*)", {"stderr.txt": "x=1\nx=1,234.5\n"}, step=True)
    assert (readings.last, readings.series) == ({}, {"m": [1.0]})
    assert readings.missing["m"] == r"the last match of 'x=(\\S*)' is '1,234.5', which is not a number"


def test_a_match_without_its_group_does_not_count(read: Read) -> None:
    assert read(r"loss = (\d)|done", {"stderr.txt": "loss = 1\ndone\n"}).last == {"m": 1.0}


def test_a_metric_without_a_match_names_the_logs_and_the_nearest_lines(read: Read) -> None:
    readings = read("loss = (.)", {"stderr.txt": "Train Loss: 0.5\nbye\n", "stdout.txt": "", "execution.log": ""})
    assert readings.missing["m"] == (
        "no match of 'loss = (.)' in stderr.txt; near: 'Train Loss: 0.5'; "
        "the job's logs: execution.log, stderr.txt, stdout.txt"
    )


def test_a_metric_without_its_log_names_those_that_exist(read: Read) -> None:
    readings = read("x=(.)", {"stdout.txt": "x=1"}, file="train.log")
    assert readings.missing["m"] == "there is no log train.log; the job's logs: stdout.txt"


@pytest.mark.parametrize("log", ["stdout-0.txt", "stdout-wk-0.txt"])
def test_stdout_means_the_log_of_rank_0(read: Read, log: str) -> None:
    logs = {log: "x=1", log.replace("0", "1"): "x=2", "stderr-0.txt": "x=3", "stdout-job_prep.txt": "x=4"}
    assert read("x=(.)", logs, file="stdout.txt").last == {"m": 1.0}


def test_a_log_of_another_rank_is_named(read: Read) -> None:
    assert read("x=(.)", {"stdout-0.txt": "x=1", "stdout-1.txt": "x=2"}, file="stdout-1.txt").last == {"m": 2.0}


def test_a_pattern_that_takes_too_long_costs_its_own_metric_alone(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.experiments.metrics.PATTERN_SECONDS", 0.1)
    readings = read(r"((?:x+x+)+)y", {"stderr.txt": "x" * 9999})
    assert readings.missing["m"] == (
        "the pattern '((?:x+x+)+)y' takes longer than 0.1 s on stderr.txt; write a simpler one"
    )


def test_of_a_long_series_the_end_is_kept_and_that_is_noted(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.experiments.metrics.LONGEST_SERIES", 2)
    readings = read(r"x=(.)", {"stderr.txt": "x=1\nx=2\nx=3\n"}, step=True)
    assert readings.series == {"m": [2.0, 3.0]}
    assert readings.notes == ["the series of metric m has 3 values; the last 2 are kept"]
