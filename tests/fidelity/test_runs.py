"""Every ready scenario runs again, whole, on a fresh emulator: what is recorded means what the shipped cassettes say.

HARNESS_TEST_DOSE=full pytest tests/fidelity/test_runs.py     # those that train for minutes, too
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.recording import load_cassette
from tests.commands import pytest_command
from tests.fidelity.meaning import unlike

ROOT = Path(__file__).parents[2]
IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SECONDS = 1800.0  # that a run may take at most
LONG = {"mnist-learning-rate", "mnist-quickstart"}
SEARCHES = {
    "mnist-hyperband"
}  # which of its trials are ended depends on the last digits of losses, and on when they are seen
OF_TORCH = {"pytorch-script", "two-nodes", *LONG}
HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.mark.slow
@pytest.mark.parametrize("service", ["azureml", "batchai"])
def test_runs_on_a_fresh_emulator_mean_what_their_cassettes_say(service: str, tmp_path: Path) -> None:
    left_out = SEARCHES | (set() if IS_FULL else LONG) | (set() if HAS_TORCH else OF_TORCH)
    shipped = ROOT / "cassettes" / service
    scenarios = sorted({path.name for path in shipped.iterdir()} - left_out)
    record(service, scenarios, tmp_path)
    given = tmp_path / "cassettes" / service

    told = []
    for scenario in scenarios:
        names = {path.name for path in (shipped / scenario).iterdir()}
        assert names == {path.name for path in (given / scenario).iterdir()}
        for name in sorted(names):
            pair = [load_cassette(place / scenario / name) for place in (shipped, given)]
            told += [f"{scenario}/{name} {line}" for line in unlike(*pair)]
    assert not told, "\n".join(told)


def record(service: str, scenarios: list[str], project: Path) -> None:
    """Run scenarios by a service on an emulator that ends with them, and record cassettes in a project of its own."""
    shutil.copytree(ROOT / "scenarios", project / "scenarios")
    (project / "pytest.ini").write_text("[pytest]\n")
    files = [f"scenarios/{name.replace('-', '_')}.yaml" for name in scenarios]
    words = pytest_command("--cloud", "emulator", "--service", service, "--record", *files)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PYTEST_"))}
    environment = kept | {"XDG_STATE_HOME": str(project / "state"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=project, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
