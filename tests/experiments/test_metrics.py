"""Metrics: what counts of a log, and what is said where nothing does."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.experiments.metrics import Readings, read_metrics
from harness.experiments.pattern_matching import PatternMatcher
from harness.scenario.metric import MetricSpec
from tests.experiments.test_event_file import BY_TENSORBOARDX

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


def test_a_pattern_that_matches_in_another_log_alone_names_that(read: Read) -> None:
    readings = read(r"loss = (\S+)", {"stderr.txt": "Train Loss: 0.5\n", "stdout.txt": LOG, "execution.log": LOG})
    assert readings.last == {}
    assert readings.missing["m"] == (
        r"no match of 'loss = (\\S+)' in stderr.txt, but 2 in stdout.txt: write file: stdout.txt; "
        "the job's logs: execution.log, stderr.txt, stdout.txt"
    )


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


@pytest.fixture
def read_files(tmp_path: Path, matcher: PatternMatcher) -> Read:
    """The readings of one metric ``loss`` in files that are given by name."""

    def read_them(files: dict[str, str | bytes], **spec: object) -> Readings:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        paths = {name: tmp_path / name for name in files}
        return read_metrics({"loss": MetricSpec.model_validate(spec)}, paths, matcher)

    return read_them


def test_a_metric_without_a_pattern_is_what_the_job_has_logged(read_files: Read) -> None:
    lines = '{"loss": 4.0, "step": 10}\n{"acc": 1}\n{"loss": 2.0, "step": 20}\n'
    readings = read_files({"metrics.jsonl": lines}, step=True, scale=0.5)
    assert (readings.last, readings.series, readings.steps) == (
        {"loss": 1.0}, {"loss": [2.0, 1.0]}, {"loss": [10, 20]},
    )  # fmt: skip


def test_steps_that_only_some_lines_have_are_none(read_files: Read) -> None:
    readings = read_files({"metrics.jsonl": '{"loss": 1, "step": 1}\n{"loss": 2}\n'}, step=True)
    assert (readings.series, readings.steps) == ({"loss": [1.0, 2.0]}, {})


def test_a_column_of_an_output_directory(read_files: Read) -> None:
    files = {"MODEL/history.csv": "epoch,val_loss\n0,2\n1,1\n", "stdout.txt": ""}
    readings = read_files(files, file="MODEL/history.csv", column="val_loss", index="epoch", step=True)
    assert (readings.series, readings.steps) == ({"loss": [2.0, 1.0]}, {"loss": [0, 1]})


def test_scalars_of_several_event_files_follow_one_another(read_files: Read) -> None:
    files = {f"LOG/events.out.tfevents.{number}": BY_TENSORBOARDX for number in (1, 2)}
    readings = read_files(files, file="LOG/events.*", tag="acc", step=True)
    assert (readings.series, readings.steps) == ({"loss": [1.0, 1.0]}, {"loss": [5, 5]})


NOT_THERE: tuple[tuple[dict[str, str | bytes], dict[str, str], str], ...] = (
    (
        {"stdout.txt": "loss 1"},
        {},
        (
            "the job has logged none: there is no metrics.jsonl, which harness.job.log_metric writes; "
            "a number in a log needs a pattern; the job's logs: stdout.txt"
        ),
    ),
    (
        {"metrics.jsonl": '{"los": 1}\nTrain Loss'},
        {},
        "no line of metrics.jsonl is a JSON object with a number under 'loss'; near: 'Train Loss'",
    ),
    (
        {"h.csv": "epoch,val_loss\n1,2\n"},
        {"file": "h.csv", "column": "val_los"},
        "there is no column 'val_los' in h.csv; did you mean 'val_loss'?",
    ),
    (
        {"h.csv": "epoch,loss\n1,high\n"},
        {"file": "h.csv", "column": "loss"},
        "the column 'loss' of h.csv holds no number",
    ),
    ({"h.csv": ""}, {"file": "h.csv", "column": "loss"}, "there is no column 'loss' in h.csv; it is empty"),
    (
        {"L/events.1": BY_TENSORBOARDX},
        {"file": "L/events.*", "tag": "train/los"},
        "there is no scalar 'train/los' in L/events.1; did you mean 'train/loss'?",
    ),
    (
        {"a.txt": "", "L/x.csv": ""},
        {"file": "L/y.csv", "column": "loss"},
        "there is no file L/y.csv; the job's files: a.txt, L/x.csv",
    ),
)


@pytest.mark.parametrize(("files", "spec", "why"), NOT_THERE)
def test_what_is_not_there_is_said_with_what_is(
    read_files: Read, files: dict[str, str], spec: dict[str, str], why: str
) -> None:
    assert read_files(files, **spec).missing["loss"] == why
