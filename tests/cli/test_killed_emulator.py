"""The emulator is killed repeatedly during a run that continues: every trial has one outcome, with its files.

HARNESS_TEST_DOSE=full pytest tests/cli/test_killed_emulator.py     # 20 kills in a sweep of 200 trials
"""

import subprocess

import psutil
import pytest

from harness.clock import SystemClock
from tests.cli.test_killed_search import IS_FULL, KILLS, SCENARIO, TRIALS, outcomes, world
from tests.cli.test_random_kills import World, kill
from tests.commands import harness_command
from tests.fakes import write_scenario

__all__ = ["world"]

SWEEP = f"{{grid: {{score: {{low: 0, high: {TRIALS - 1}, step: 1}}}}}}"
MOST_RUNS = KILLS + 2  # each kill ends at most one run
SECONDS = 3600.0 if IS_FULL else 300.0


def strike(world: World, run: subprocess.Popen[bytes], number: int) -> bool:
    """Kill and restart the emulator when enough trials have outcomes; returns False if the run has ended."""
    end = (number + 1) * TRIALS // (KILLS + 1)
    while run.poll() is None and len(outcomes(world)) < end:
        SystemClock().sleep(0.02)
    if run.poll() is not None:
        return False
    kill(psutil.Process(world.endpoint.pid))
    world.serve()
    return True


@pytest.mark.slow
def test_an_outcome_counts_only_with_the_files_of_its_job(world: World) -> None:
    bound = "expect: {exit_code: 0, metrics: {score: {min: 0}}, files: {MODEL: ['*.txt']}}"
    write_scenario(world.project / "scenarios", SWEEP, expect=bound)
    kills, code = 0, -1
    for _ in range(MOST_RUNS):
        resume = ("--resume",) if (world.project / "sweep").exists() else ()
        with world.started(harness_command("run", SCENARIO, "--out", "sweep", *resume), "run.txt") as run:
            while kills < KILLS and strike(world, run, kills):
                kills += 1
            code = run.wait(SECONDS)
        if code == 0:
            break

    printed = (world.project / "run.txt").read_text()
    assert (code, kills) == (0, KILLS), printed
    results = outcomes(world)
    assert sorted(outcome["parameters"]["score"] for outcome in results) == list(range(TRIALS))
    for outcome in results:
        assert (outcome["state"], outcome["errors"], outcome["unmet"]) == ("succeeded", [], [])
        assert outcome["metrics"]["score"] == outcome["parameters"]["score"]
        for name in outcome["files"]["stdouterr"]:
            assert (world.project / "sweep" / outcome["directory"] / name).is_file()
