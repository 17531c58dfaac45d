import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.orphans import Orphan, find_orphans
from harness.services.azureml.rest_client import RestClient
from tests.fakes import write_scenario

Write = Callable[..., Path]
WORKSPACES = "/subscriptions/{}/providers/Microsoft.MachineLearningServices/workspaces"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint) -> Path:
    """An empty directory to work in, whose settings name a running emulator and nothing else."""
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scenario(project: Path) -> Write:
    """Write a scenario of short jobs and its script; keyword arguments replace lines of the file."""

    def write(sweep: str = "{}", *, name: str = "short", **changes: str) -> Path:
        return write_scenario(project, sweep, name=name, **changes)

    return write


@pytest.fixture
def own_orphans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the orphans of other tests, which may run at the same time on this machine."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    def find_own(candidates: Iterable[Path]) -> list[Orphan]:
        return [orphan for orphan in find_orphans(candidates) if orphan.directory.is_relative_to(tmp_path)]

    for module in ("harness.cli.reap", "harness.cli.diagnosis"):
        monkeypatch.setattr(f"{module}.find_orphans", find_own)


@contextmanager
def client_of(emulator: Endpoint, directory: Path) -> Iterator[RestClient]:
    with (
        open_cloud("emulator", Settings(), cassettes=directory, endpoint=emulator) as cloud,
        cloud.clients("look") as clients,
    ):
        yield clients.management(RestClient)


@pytest.fixture
def left_in_workspaces(emulator: Endpoint, tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists what tests have created in the emulator's workspaces."""

    def list_it() -> list[str]:
        with client_of(emulator, tmp_path) as client:
            left: list[str] = []
            for workspace in client.list(WORKSPACES.format(client.subscription_id)):
                if workspace["name"] != "azureml":
                    left.append(workspace["name"])
                codes = [code["id"] for code in client.list(f"{workspace['id']}/codes")]
                left += [version["id"] for code in codes for version in client.list(f"{code}/versions")]
                for kind in ("computes", "jobs", "datastores"):
                    names = (resource["name"] for resource in client.list(f"{workspace['id']}/{kind}"))
                    left += [f"{kind}/{name}" for name in names if not name.startswith("workspace")]
            return left

    return list_it


@pytest.fixture
def in_workspace(project: Path, emulator: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the project name the emulator's own workspace."""
    del project  # which forgets the settings of the surroundings
    monkeypatch.setenv("HARNESS_AZUREML_RESOURCE_GROUP", emulator.azureml_resource_group)
    monkeypatch.setenv("HARNESS_AZUREML_WORKSPACE", emulator.azureml_workspace)
