"""A recording in a user's workspace stores another name, and replays without a workspace."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from tests.commands import pytest_command
from tests.fakes import write_scenario

ROOT = Path(__file__).parents[2]
SECONDS = 600.0  # the limit of a command


def run_pytest(project: Path, *words: str, **settings: str) -> str:
    """Run the scenario of a project with pytest, which must pass; returns the output."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST_"))
    }
    process = subprocess.run(
        pytest_command("--service", "azureml", *words, "scenarios"),
        cwd=project,
        env=inherited | {"XDG_STATE_HOME": str(project / "state"), "PYTHONPATH": str(ROOT)} | settings,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.slow
def test_a_recording_in_a_workspace_replays_anywhere(emulator: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    write_scenario(tmp_path / "scenarios")
    run_pytest(
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

    assert "1 passed" in run_pytest(tmp_path)
    other = {"HARNESS_AZUREML_RESOURCE_GROUP": "theirs", "HARNESS_AZUREML_WORKSPACE": "theirs"}
    assert "1 passed" in run_pytest(tmp_path, **other)
