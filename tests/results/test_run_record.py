"""Run directories that are complete, empty, of earlier versions, damaged, or missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.results.run_record import log_files, newest_run, read_run
from tests.results.conftest import SWEEP, MakeRun


def test_a_run_is_read_with_what_was_planned(make_run: MakeRun) -> None:
    record = read_run(make_run(*SWEEP, description="d"))
    assert record.outcomes[0] == SWEEP[0]
    assert len(record.outcomes) == 4
    assert record.plans["s"].description == "d"
    assert (record.name, record.started) == ("run", "2026-01-02T03:04:05+00:00")


def test_the_latest_outcome_of_a_trial_counts(make_run: MakeRun) -> None:
    again = replace(SWEEP[0], metrics={"loss": 0.125})
    record = read_run(make_run(SWEEP[0], SWEEP[1], again))
    assert [outcome.metrics["loss"] for outcome in record.outcomes] == [0.125, 0.25]


def test_the_file_of_outcomes_means_its_directory(make_run: MakeRun) -> None:
    directory = make_run(*SWEEP)
    assert read_run(directory / "outcomes.jsonl").path == directory


@pytest.mark.parametrize(
    "about",
    ["", "{", "[]", "[" * 100_000, '{"started": 5, "plans": [7, {}, {"scenario": "s", "nodes": "many"}]}'],
    ids=["empty", "torn", "list", "deep", "wrong types"],
)
def test_outcomes_are_read_whatever_run_json_holds(make_run: MakeRun, about: str) -> None:
    directory = make_run(*SWEEP)
    (directory / "run.json").write_text(about)
    record = read_run(directory)
    assert (len(record.outcomes), record.started, record.plans["s"].vm_size) == (4, "", "")


@pytest.mark.parametrize("line", ["[" * 100_000, f'{{"metrics": {{"loss": 1{"0" * 400}}}}}'], ids=["deep", "too large"])
def test_a_line_that_is_no_outcome_is_passed_over(make_run: MakeRun, line: str) -> None:
    directory = make_run(*SWEEP)
    with (directory / "outcomes.jsonl").open("a") as stream:
        stream.write(f"{line}\n")
    assert len(read_run(directory).outcomes) == 4


def test_no_run_is_said_with_what_is_near(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(*SWEEP, name="runs-1")
    (tmp_path / "file").write_text("")
    messages = {}
    for name in ("nothing", "file", "."):
        with pytest.raises(UserError) as caught:
            read_run(tmp_path / name)
        messages[name] = str(caught.value).replace(str(tmp_path), "T")
    assert messages == {
        "nothing": "there is no directory T/nothing; the newest run there is T/runs-1",
        "file": "T/file is no run directory, but a file; name the directory that 'harness run' printed",
        ".": "T is no run directory: it has neither run.json nor outcomes.jsonl; the newest run there is T/runs-1",
    }


def test_the_newest_run_is_the_last_by_name(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(name="20260102-000000-a")
    newest = make_run(name="20260103-000000-a")
    (tmp_path / "20260104-no-run").mkdir()
    assert newest_run(tmp_path) == newest
    assert newest_run(tmp_path / "nowhere") is None


def test_no_log_is_read_from_outside_of_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    directory = make_run()
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "t").mkdir()
    (directory / "t" / "stdout.txt").write_text("fine")
    (directory / "t" / "link.txt").symlink_to(tmp_path / "secret.txt")
    outcome = replace(
        SWEEP[0],
        directory="t",
        files={"stdouterr": ["stdout.txt", "link.txt", "../../secret.txt", "gone.txt", "x" * 300]},
    )
    assert list(log_files(directory, outcome)) == ["stdout.txt"]
