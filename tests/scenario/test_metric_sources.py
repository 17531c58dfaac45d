"""The sources of a metric."""

import pytest

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from tests.scenario.conftest import Change

LINE = "test_error: {file: stderr.txt, pattern: 'errs = (\\S+)%', scale: 0.01}"


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("{}", "metrics.jsonl"),
        ("{key: val.loss, index: epoch, step: true}", "metrics.jsonl"),
        ("{file: history.csv, column: loss}", "history.csv"),
        ("{file: 'MODEL/events.*', tag: train/loss}", "MODEL/events.*"),
        ("{pattern: 'x=(.)'}", "stderr.txt"),
    ],
)
def test_a_metric_has_one_source_and_a_file(changed: Change, written: str, file: str) -> None:
    assert load_scenario(changed(LINE, f"test_error: {written}")).metrics["test_error"].file == file


def test_two_sources_are_refused_in_their_line(changed: Change) -> None:
    path = changed(LINE, "test_error: {key: a, column: b}")
    with pytest.raises(
        ScenarioError, match=r"changed\.yaml:\d+: metrics\.test_error\.column: a metric has one of pattern, key"
    ):
        load_scenario(path)
