"""A log that is followed while its job runs: which lines are shown as metrics, and which values they have."""

from pathlib import Path
from typing import Any

from harness.experiments.log import LogReader
from harness.experiments.pattern_matching import PatternMatcher
from harness.resources.events import LogLine
from harness.scenario.metric import MetricSpec
from harness.services.service import Listing, OutputFile, Tail


class GrowingFiles:
    """The logs of a job that runs, by name."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def files(self, directory: str) -> Listing:
        return Listing(tuple(OutputFile(directory, name, 1, "") for name in self.contents))

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        return Tail(start, self.contents[file.name][start : start + most])


def test_lines_of_json_and_csv_are_metrics_while_the_job_runs() -> None:
    specs = {
        "loss": MetricSpec.model_validate({"step": True, "scale": 2}),
        "acc": MetricSpec.model_validate({}),
        "score": MetricSpec(file="h.csv", column="score", step=True),
        "late": MetricSpec(file="MODEL/events.*", tag="late", step=True),
    }
    output, shown = GrowingFiles(), list[Any]()
    with PatternMatcher() as matcher:
        reader = LogReader(output, "t", specs, matcher=matcher, sink=shown.append)
        output.contents["metrics.jsonl"] = b'{"loss": 1, "step": 1}\nstarting\n{"acc": 1}\n{"lo'
        reader.stream()
        output.contents["metrics.jsonl"] += b'ss": 0.5}\n'
        output.contents["h.csv"] = b"epoch,score\n1,0.25\n"
        reader.stream()
        reader.stream()
    assert reader.values == {"loss": [2.0, 1.0], "score": [0.25], "late": []}
    assert [(line.text, line.is_metric) for line in shown if isinstance(line, LogLine)] == [
        ('{"loss": 1, "step": 1}', True),
        ("starting", False),
        ('{"acc": 1}', True),
        ('{"loss": 0.5}', True),
        ("epoch,score", False),
        ("1,0.25", True),
    ]


def test_what_was_not_followed_is_read_when_the_job_has_ended(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"loss": 1}\n{"loss": 0.5}')
    specs, output = {"loss": MetricSpec.model_validate({"step": True})}, GrowingFiles()
    with PatternMatcher() as matcher:
        reader = LogReader(output, "t", specs, matcher=matcher, sink=lambda _event: None)
        reader.stream()
        reader.finish({"metrics.jsonl": tmp_path / "metrics.jsonl"})
    assert reader.values == {"loss": [1.0, 0.5]}
