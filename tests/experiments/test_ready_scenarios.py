"""The scenarios that ship run on the emulator as they are, and ``many_trials`` as often as the dose says.

Their cassettes are replayed by ``pytest scenarios``, which is part of every run of the tests.
"""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.scenario.load import load_scenario

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
READY = ("checkpoint_resume", "custom_toolkit", "expected_failure", "many_trials", "setup_task")
OF_PYTORCH = ("pytorch_script", "two_nodes")
SHORT = () if FULL else ("--set", "steps=10")  # before the preemption


def ran(project: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[dict[str, object]]:
    """The outcomes of a run, all of which are as expected."""
    shutil.copytree(ROOT / "scenarios", project / "scenarios")
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "state"))
    assert main(["run", *words, "--out", "out"]) == 0
    return [json.loads(line) for line in (project / "out" / "outcomes.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_ready_scenarios_come_out_as_they_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = ran(tmp_path, monkeypatch, *(f"scenarios/{name}.yaml" for name in READY), *SHORT)
    counts = {name: [outcome["scenario"] for outcome in outcomes].count(name.replace("_", "-")) for name in READY}
    assert counts == {**dict.fromkeys(READY, 1), "expected_failure": 2, "many_trials": 5}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_ready_scenarios_of_pytorch_come_out_as_they_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = ran(tmp_path, monkeypatch, *(f"scenarios/{name}.yaml" for name in OF_PYTORCH))
    assert [outcome["state"] for outcome in outcomes] == ["succeeded", "succeeded"]


@pytest.mark.slow
def test_a_thousand_trials_run_in_a_dose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = () if FULL else ("--limit", "20")
    outcomes = ran(tmp_path, monkeypatch, "scenarios/thousand_trials.yaml", *limit)
    assert len({str(outcome["trial"]) for outcome in outcomes}) == len(outcomes) == (1000 if FULL else 20)


def test_the_thousand_trials_are_known_before_they_run() -> None:
    trials = load_scenario(ROOT / "scenarios" / "thousand_trials.yaml").trials
    assert (len(trials), trials[999].id) == (1000, "trial=1000")
