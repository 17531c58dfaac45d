"""Commands in a directory that an attacker has prepared run none of the attacker's code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.emulator.launch import find, stop

DECOYS = (
    "torch",
    "uvicorn",
    "uvloop",
    "msgspec",
    "cntk",
    "harness",
    "tensorflow",
    "numpy",
    "typer",
    "azure",
    "sitecustomize",
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory with a decoy module for every name that our processes import; each records that it ran."""
    directory = tmp_path / "a cloned repository"
    directory.mkdir()
    for name in {*sys.stdlib_module_names, *DECOYS}:
        code = f"import os; os.close(os.open({str(tmp_path / 'ran')!r} + '-{name}', os.O_CREAT))"
        (directory / f"{name}.py").write_text(code)
    return directory


def harness(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as the console script does: without the current directory on its path."""
    command = [sys.executable, "-P", "-m", "harness", *words]
    environment = {**os.environ, "HOME": str(directory.parent), "XDG_STATE_HOME": str(directory.parent)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def ran(trap: Path) -> list[str]:
    return sorted(path.name for path in trap.parent.glob("ran-*"))


@pytest.mark.slow  # starts emulators, and PyTorch
def test_modules_of_the_current_directory_do_not_run(trap: Path) -> None:
    process = harness(trap, "doctor", "--json")
    assert {check["name"]: check["state"] for check in json.loads(process.stdout)["checks"]}["emulator"] == "ok"
    assert harness(trap, "toolkits", "list").returncode == 0
    try:
        assert harness(trap, "emulator", "start", "--detach").returncode == 0
        assert find(trap / ".harness" / "emulator") is not None
        assert harness(trap, "emulator", "reset").returncode == 0
    finally:
        stop(trap / ".harness" / "emulator")

    assert ran(trap) == []


@pytest.mark.slow  # starts an emulator
def test_an_emulator_in_the_foreground_has_a_clean_environment_and_path(trap: Path) -> None:
    command = [sys.executable, "-P", "-m", "harness", "emulator", "start", "--only", "storage"]
    environment = {**os.environ, "AZURE_CLIENT_SECRET": "planted"}
    with subprocess.Popen(command, cwd=trap, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            endpoint = find(trap / ".harness" / "emulator")
            assert endpoint is not None
            assert endpoint.pid == process.pid
            assert b"planted" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        finally:
            process.terminate()

    assert ran(trap) == []


@pytest.mark.slow  # starts an emulator, and PyTorch
def test_settings_of_the_current_directory_choose_no_program_and_no_address(trap: Path) -> None:
    program = trap / "tools" / "py"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {str(trap.parent / 'ran')!r}-program\n")
    program.chmod(0o755)
    (trap / "harness.toml").write_text(f'cntk_python = "{program}"\n')
    for words in (["doctor"], ["toolkits", "list"], ["emulator", "start", "--detach"]):
        process = harness(trap, *words)
        assert process.returncode != 0
        assert "cannot choose a program" in " ".join((process.stdout + process.stderr).split())
    (trap / "harness.toml").write_text('storage_account = "evil.example.com/x"\n')
    for words in (["doctor"], ["reap", "--dry-run", "--cloud", "azure"]):
        process = harness(trap, *words)
        assert process.returncode != 0
        assert "must be 3 to 24 lower-case letters" in " ".join((process.stdout + process.stderr).split())

    assert ran(trap) == []
