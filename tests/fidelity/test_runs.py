"""Every ready scenario runs completely on a fresh emulator, and its recording must agree with the shipped cassettes.

HARNESS_TEST_DOSE=full pytest tests/fidelity/test_runs.py     # also the scenarios that train for minutes
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.recording import load_cassette
from tests.commands import pytest_command
from tests.fidelity.recordings import compare_recordings

ROOT = Path(__file__).parents[2]
IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SECONDS = 1800.0  # the longest duration of a run
LONG = {"mnist-learning-rate", "mnist-quickstart"}
# The trials that are pruned depend on the last digits of losses, and on the times of polls.
SEARCHES = {"mnist-hyperband"}
OF_TORCH = {"pytorch-script", "two-nodes", *LONG}
HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.mark.slow
@pytest.mark.parametrize("service", ["azureml", "batchai"])
def test_runs_on_a_fresh_emulator_mean_what_their_cassettes_say(service: str, tmp_path: Path) -> None:
    skipped = SEARCHES | (set() if IS_FULL else LONG) | (set() if HAS_TORCH else OF_TORCH)
    shipped = ROOT / "cassettes" / service
    scenarios = sorted({path.name for path in shipped.iterdir()} - skipped)
    record(service, scenarios, tmp_path)
    actual = tmp_path / "cassettes" / service

    differences = []
    for scenario in scenarios:
        names = {path.name for path in (shipped / scenario).iterdir()}
        assert names == {path.name for path in (actual / scenario).iterdir()}
        for name in sorted(names):
            pair = [load_cassette(directory / scenario / name) for directory in (shipped, actual)]
            differences += [f"{scenario}/{name} {line}" for line in compare_recordings(*pair)]
    assert not differences, "\n".join(differences)


def record(service: str, scenarios: list[str], project: Path) -> None:
    """Run scenarios by a service on a new emulator, and record cassettes in a separate project."""
    shutil.copytree(ROOT / "scenarios", project / "scenarios")
    (project / "pytest.ini").write_text("[pytest]\n")
    files = [f"scenarios/{name.replace('-', '_')}.yaml" for name in scenarios]
    command = pytest_command("--cloud", "emulator", "--service", service, "--record", *files)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PYTEST_"))}
    environment = variables | {"XDG_STATE_HOME": str(project / "state"), "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
