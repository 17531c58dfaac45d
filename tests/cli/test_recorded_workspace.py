"""A recording that was made in a workspace of the user's own names another, and replays where there is none."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from tests.commands import pytest_command
from tests.fakes import write_scenario

ROOT = Path(__file__).parents[2]
SECONDS = 600.0  # that a command may take at most


def played(project: Path, *words: str, **settings: str) -> str:
    """What pytest prints about the scenario of a project, which has to pass."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST_"))}
    done = subprocess.run(
        pytest_command("--service", "azureml", *words, "scenarios"),
        cwd=project,
        env=kept | {"XDG_STATE_HOME": str(project / "state"), "PYTHONPATH": str(ROOT)} | settings,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_recording_in_a_workspace_replays_anywhere(emulator: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    write_scenario(tmp_path / "scenarios")
    played(
        tmp_path, "--cloud", "emulator", "--record",
        HARNESS_EMULATOR_DIR=str(emulator.directory),
        HARNESS_AZUREML_RESOURCE_GROUP=emulator.azureml_resource_group,
        HARNESS_AZUREML_WORKSPACE=emulator.azureml_workspace,
    )  # fmt: skip
    recorded = {path.name: path.read_text() for path in (tmp_path / "cassettes/azureml/short").iterdir()}
    assert '"workspace": "existing"' in recorded["gpu_cluster.json"]
    for text in recorded.values():
        assert emulator.azureml_resource_group not in text
        assert f"workspaces/{emulator.azureml_workspace}" not in text

    assert "1 passed" in played(tmp_path)
    other = {"HARNESS_AZUREML_RESOURCE_GROUP": "theirs", "HARNESS_AZUREML_WORKSPACE": "theirs"}
    assert "1 passed" in played(tmp_path, **other)
