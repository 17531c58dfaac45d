"""The benches can be started: what they take from the package is there. None is run: a time is nothing to assert."""

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from harness.emulator.launch import stop

BENCH = Path(__file__).parents[1] / "bench"
COMMANDS = sorted(path.name for path in BENCH.glob("*.py") if "argparse" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bench_says_how_it_is_run(name: str) -> None:
    done = subprocess.run([sys.executable, name, "--help"], cwd=BENCH, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name} ")


@pytest.mark.slow  # an emulator of its own
def test_what_is_asked_of_a_prepared_emulator_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    prepared = importlib.import_module("prepared_emulator")
    emulator = prepared.PreparedEmulator(tmp_path / "data")
    try:
        asyncio.run(emulator.prepare())
        for target in (emulator.get_job(), emulator.get_command_job()):
            answer = requests.get(target.url, headers=target.headers, verify=emulator.endpoint.ca_path, timeout=60)
            assert answer.status_code == 200
    finally:
        stop(tmp_path / "data")
