import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.experiments.outcomes import Outcome, OutcomeFile


def test_an_outcome_reads_as_it_was_written(tmp_path: Path, example: Outcome) -> None:
    file = OutcomeFile(tmp_path / "outcomes.jsonl")
    file.append(example)
    file.append(replace(example, trial="rate=0.2", unmet=()))
    assert file.read() == [example, replace(example, trial="rate=0.2", unmet=())]


def test_each_is_one_line_with_the_documented_keys(tmp_path: Path, example: Outcome) -> None:
    file = OutcomeFile(tmp_path / "outcomes.jsonl")
    file.append(example)
    (line,) = file.path.read_text().splitlines()
    documented = {
        "scenario", "trial", "parameters", "state", "exit_code", "metrics", "durations", "files", "data", "toolkit",
        "cloud", "versions",
    }  # fmt: skip
    assert documented <= json.loads(line).keys()


@given(st.integers(0, 400))
def test_a_torn_line_costs_that_line_alone(
    tmp_path_factory: pytest.TempPathFactory, example: Outcome, cut: int
) -> None:
    file = OutcomeFile(tmp_path_factory.mktemp("run") / "outcomes.jsonl")
    file.append(example)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + whole[: min(cut, len(whole) - 2)])
    file.append(replace(example, trial="after"))
    assert [outcome.trial for outcome in file.read()] == ["rate=0.1", "after"]


def test_a_run_without_outcomes_has_none(tmp_path: Path) -> None:
    assert OutcomeFile(tmp_path / "outcomes.jsonl").read() == []


def test_a_key_of_a_later_version_is_passed_over(tmp_path: Path, example: Outcome) -> None:
    file = OutcomeFile(tmp_path / "outcomes.jsonl")
    file.append(example)
    file.path.write_text(file.path.read_text().replace('{"scenario"', '{"new": 1, "scenario"', 1))
    assert file.read() == [example]


def test_a_run_directory_of_a_stranger_leads_nowhere(tmp_path: Path, example: Outcome) -> None:
    (tmp_path / "profile").write_text("mine\n")
    (tmp_path / "outcomes.jsonl").symlink_to(tmp_path / "profile")
    with pytest.raises(UserError, match=r"outcomes\.jsonl cannot be written"):
        OutcomeFile(tmp_path / "outcomes.jsonl").append(example)
    assert (tmp_path / "profile").read_text() == "mine\n"


def test_outcomes_without_end_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(UserError, match=f"{name} cannot be read: it is not a file"):
            OutcomeFile(tmp_path / name).read()
