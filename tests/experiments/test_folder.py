from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.experiments.folder import open_folder
from harness.experiments.outcomes import Outcome
from harness.scenario.model import Scenario

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_each_run_gets_a_directory_of_its_own(tmp_path: Path, quickstart: Scenario) -> None:
    runs = [open_folder(None, runs=tmp_path / "runs", resume=False, scenarios=[quickstart], now=NOW) for _ in range(2)]
    assert [run.path.name for run in runs] == [
        "20260102-030405-mnist-quickstart",
        "20260102-030405-mnist-quickstart-2",
    ]
    assert runs[0].run != runs[1].run


def test_a_resumed_run_keeps_its_identity(tmp_path: Path, quickstart: Scenario) -> None:
    first = open_folder(tmp_path, runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)
    again = open_folder(tmp_path, runs=tmp_path, resume=True, scenarios=[quickstart], now=NOW)
    assert again.run == first.run


def test_a_run_is_not_overwritten(tmp_path: Path, quickstart: Scenario) -> None:
    open_folder(tmp_path, runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)
    with pytest.raises(UserError, match=r"holds the run of 2026-01-02T03:04:05\+00:00; go on with --resume"):
        open_folder(tmp_path, runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path, quickstart: Scenario) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file cannot be written: "):
        open_folder(tmp_path / "file", runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)


def test_a_trial_with_other_parameters_is_not_done(tmp_path: Path, quickstart: Scenario, one: Outcome) -> None:
    folder = open_folder(tmp_path, runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)
    outcome = replace(one, scenario="mnist-quickstart", trial="default", parameters={"epochs": 5})
    folder.outcomes.append(replace(outcome, parameters={"epochs": 1}))
    assert folder.done(quickstart) == {}
    folder.outcomes.append(outcome)
    assert folder.done(quickstart) == {"default": outcome}


def test_several_scenarios_share_a_run_without_mixing_files(tmp_path: Path, quickstart: Scenario) -> None:
    trial = quickstart.trials[0]
    alone = open_folder(tmp_path / "a", runs=tmp_path, resume=False, scenarios=[quickstart], now=NOW)
    both = open_folder(tmp_path / "b", runs=tmp_path, resume=False, scenarios=[quickstart, quickstart], now=NOW)
    assert alone.trial(quickstart, trial).name == "default"
    assert both.trial(quickstart, trial).name == "mnist-quickstart/default"
