"""The runner and the emulator are killed in the middle of a search: every trial is in the outcomes and the study once.

HARNESS_TEST_DOSE=full pytest tests/cli/test_killed_search.py     # 20 kills in a search of 200 trials
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest

import harness
from harness.clock import SystemClock
from harness.experiments.studies import study_of
from harness.scenario.load import load_scenario
from tests.cli.test_random_kills import World, kill
from tests.commands import harness_command
from tests.fakes import write_scenario

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
KILLS, TRIALS = (20, 200) if IS_FULL else (2, 8)
SCENARIO = "scenarios/short.yaml"
SPACE = "space: {score: {low: 0.0, high: 1.0}}"
SEARCH = f"{{search: {{{SPACE}, trials: {TRIALS}, sampler: sobol}}, goal: {{minimize: score}}}}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    for name in ("tmp", "scenarios"):
        (tmp_path / name).mkdir()
    write_scenario(tmp_path / "scenarios", SEARCH)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST_"))
    }
    ours = {
        "HARNESS_EMULATOR_DIR": str(tmp_path / "emulator"),
        "HARNESS_JOURNAL": str(tmp_path / "journal.jsonl"),
        "PYTHONPATH": str(Path(harness.__file__).parent.parent),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    started = World(tmp_path, inherited | ours)
    started.serve()
    yield started
    started.do("emulator", "reset", "--dir", str(started.directory))


def outcomes(world: World) -> list[dict[str, Any]]:
    path = world.project / "sweep" / "outcomes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def strike(world: World, number: int) -> None:
    """Run or resume, and kill the runner, and every second time the emulator, when enough trials have outcomes.

    The runner is killed first, because a runner that outlives its emulator reports files that it cannot fetch any more.
    """
    end = (number + 1) * TRIALS // (KILLS + 1)
    resume = ("--resume",) if (world.project / "sweep").exists() else ()
    with world.started(harness_command("run", SCENARIO, "--out", "sweep", *resume), "run.txt") as process:
        while process.poll() is None and len(outcomes(world)) < end:  # holds at some time, however busy the machine is
            SystemClock().sleep(0.05)
        process.kill()
        process.wait()
    if number % 2:
        kill(psutil.Process(world.endpoint.pid))
        world.serve()


@pytest.mark.slow
def test_each_trial_is_run_once_whoever_is_killed(world: World) -> None:
    for number in range(KILLS):
        strike(world, number)
    code, printed = world.do("run", SCENARIO, "--out", "sweep", "--resume")
    assert code == 0, printed

    by_trial = {result["trial"]: result for result in outcomes(world)}
    assert len(by_trial) == len(outcomes(world)) == TRIALS
    study = optuna.load_study(study_name="short", storage=f"sqlite:///{world.project / 'sweep' / 'study.db'}")
    undisturbed = study_of(load_scenario(world.project / SCENARIO), storage=None)
    for trial in study.trials:
        expected = undisturbed.ask()
        assert expected is not None
        assert (trial.number, trial.params) == (expected.number, dict(expected.point))
        (outcome,) = [
            candidate for candidate in by_trial.values() if candidate["trial"].startswith(f"trial={trial.number},")
        ]
        assert (trial.state.name, trial.value) == ("COMPLETE", outcome["metrics"]["score"])
    assert undisturbed.ask() is None
