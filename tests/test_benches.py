"""The benches can be started, and their imports exist. None is run, because times cannot be asserted."""

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
    process = subprocess.run([sys.executable, name, "--help"], cwd=BENCH, capture_output=True, text=True, check=False)

    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith(f"usage: {name} ")


@pytest.mark.slow  # a separate emulator
def test_the_resources_of_a_prepared_emulator_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    prepared = importlib.import_module("prepared_emulator")
    emulator = prepared.PreparedEmulator(tmp_path / "data")
    try:
        asyncio.run(emulator.prepare())
        for target in (emulator.get_job(), emulator.get_command_job()):
            response = requests.get(target.url, headers=target.headers, verify=emulator.endpoint.ca_path, timeout=60)
            assert response.status_code == 200
    finally:
        stop(tmp_path / "data")
