"""The directory of a run: private, used by one process, and never written over."""

import json
import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.experiments.run_directory import RunDirectory, open_run_directory
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Open = Callable[..., AbstractContextManager[RunDirectory]]


@pytest.fixture
def opened(tmp_path: Path, quickstart: Scenario) -> Open:
    """Open the directory of a run of the quickstart; default a new one below ``runs``."""

    def open_it(
        out: Path | None = None, *, resume: bool = False, scenarios: int = 1
    ) -> AbstractContextManager[RunDirectory]:
        return open_run_directory(
            out, runs=tmp_path / "runs", resume=resume, scenarios=[quickstart] * scenarios, now=NOW
        )

    return open_it


@pytest.fixture
def outcome(example: Outcome) -> Outcome:
    """An outcome of the quickstart's trial."""
    return replace(example, scenario="mnist-quickstart", trial="default", parameters={"epochs": 5}, directory="default")


def test_each_run_gets_a_directory_of_its_own(opened: Open) -> None:
    with opened() as first, opened() as second:
        assert [run.path.name for run in (first, second)] == [
            "20260102-030405-mnist-quickstart",
            "20260102-030405-mnist-quickstart-2",
        ]
        assert first.run != second.run


def test_a_resumed_run_keeps_its_identity(opened: Open, tmp_path: Path, outcome: Outcome) -> None:
    with opened(tmp_path / "out") as first:
        first.outcomes.append(outcome)
    with opened(tmp_path / "out", resume=True) as again:
        assert again.run == first.run


def test_the_plan_of_a_run_says_what_its_clusters_have_in_common(
    tmp_path: Path, changed: Callable[[str, str], Scenario]
) -> None:
    path = changed("STANDARD_NC6, nodes: 1", "STANDARD_NC6, nodes: 2").path
    text = path.read_text().replace("STANDARD_NC6,", "'{size}',").replace("parameters: {", "parameters: {size: s, ")
    path.write_text(text.replace("sweep: {}", "sweep: {grid: {size: [STANDARD_NC6, STANDARD_NC12]}}"))
    with open_run_directory(tmp_path / "out", runs=tmp_path, resume=False, scenarios=[load_scenario(path)], now=NOW):
        (plan,) = json.loads((tmp_path / "out" / "run.json").read_text())["plans"]
    assert (plan["vm_size"], plan["nodes"], plan["job_nodes"]) == (None, 2, 1)


def test_a_run_is_not_overwritten(opened: Open, tmp_path: Path, outcome: Outcome) -> None:
    with opened(tmp_path / "out") as first:
        first.outcomes.append(outcome)
    with (
        pytest.raises(UserError, match=r"holds the run of 2026-01-02T03:04:05\+00:00; continue it with --resume"),
        opened(tmp_path / "out"),
    ):
        pass


def test_two_runs_at_a_time_do_not_share_a_directory(opened: Open, tmp_path: Path) -> None:
    with (
        opened(tmp_path / "out"),
        pytest.raises(UserError, match=rf"out is in use by process {os.getpid()}; wait for its end"),
        opened(tmp_path / "out", resume=True),
    ):
        pass


def test_a_run_without_an_outcome_leaves_no_directory(opened: Open, tmp_path: Path) -> None:
    with opened() as run:
        assert run.path.is_dir()
    assert not (tmp_path / "runs").exists()


def test_a_search_without_an_outcome_leaves_no_directory(opened: Open, tmp_path: Path) -> None:
    with opened() as run:
        run.open_study()
    assert not (tmp_path / "runs").exists()


def test_a_directory_that_was_there_stays(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "out").mkdir()
    with opened(), opened(tmp_path / "out"):
        pass
    assert [list((tmp_path / name).iterdir()) for name in ("runs", "out")] == [[], []]


def test_what_a_run_holds_is_for_its_owner(opened: Open, tmp_path: Path, outcome: Outcome) -> None:
    with opened() as run:
        run.outcomes.append(outcome)
        run.open_study()
    paths = [tmp_path / "runs", *(tmp_path / "runs").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o700, 0o600}


def test_a_file_in_the_way_is_a_clear_error(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file cannot be written: "), opened(tmp_path / "file"):
        pass


def test_a_mistake_of_the_run_is_not_taken_for_one_of_its_directory(opened: Open) -> None:
    with pytest.raises(FileNotFoundError), opened():
        raise FileNotFoundError("something else")


def test_a_trial_with_other_parameters_is_not_done(opened: Open, quickstart: Scenario, outcome: Outcome) -> None:
    with opened() as run:
        run.outcomes.append(replace(outcome, parameters={"epochs": 1}))
        assert run.current_outcomes(quickstart) == {}
        run.outcomes.append(outcome)
        assert run.current_outcomes(quickstart) == {"default": outcome}


def test_the_files_of_an_earlier_outcome_are_not_written_over(
    opened: Open, tmp_path: Path, quickstart: Scenario, outcome: Outcome
) -> None:
    trial = quickstart.trials[0]
    with opened(tmp_path / "out") as first:
        assert first.trial(quickstart, trial).name == "default"
        first.outcomes.append(outcome)
    with opened(tmp_path / "out", resume=True) as second:
        assert second.trial(quickstart, trial).name == "default~2"
        second.outcomes.append(replace(outcome, directory="default~2"))
    with opened(tmp_path / "out", resume=True) as third:
        assert third.trial(quickstart, trial).name == "default~3"


def test_the_files_of_a_killed_run_are_not_mixed_with_others(opened: Open, quickstart: Scenario) -> None:
    with opened() as run:
        (run.path / "default").mkdir()
        assert run.trial(quickstart, quickstart.trials[0]).name == "default~2"


def test_several_scenarios_share_a_run_without_mixing_files(opened: Open, quickstart: Scenario) -> None:
    trial = quickstart.trials[0]
    with opened() as alone, opened(scenarios=2) as both:
        assert alone.trial(quickstart, trial).name == "default"
        assert both.trial(quickstart, trial).name == "mnist-quickstart/default"
