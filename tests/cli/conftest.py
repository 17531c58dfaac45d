import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.orphans import Orphan, find_orphans
from tests.fakes import write_scenario

Write = Callable[..., Path]


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


@pytest.fixture
def own_orphans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what killed runs left on this machine, only that of this test is seen: others may run beside it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    def found(candidates: Iterable[Path]) -> list[Orphan]:
        return [orphan for orphan in find_orphans(candidates) if orphan.directory.is_relative_to(tmp_path)]

    for module in ("harness.cli.reap", "harness.cli.diagnosis"):
        monkeypatch.setattr(f"{module}.find_orphans", found)
