import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.emulator import leftovers
from harness.emulator.endpoint import Endpoint
from tests.fakes import write_scenario

Write = Callable[..., Path]


@pytest.fixture
def own_jobs_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all jobs on this machine only those below the test's own directory are seen: tests beside it leave others."""
    find_all = leftovers._jobs
    monkeypatch.setattr(
        leftovers, "_jobs", lambda: {job: of for job, of in find_all().items() if job.is_relative_to(tmp_path)}
    )


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
    """Write a scenario of short jobs and its script; words replace words of the file."""

    def write(sweep: str = "{}", *, name: str = "short", **changes: str) -> Path:
        return write_scenario(project, sweep, name=name, **changes)

    return write
