"""The benches can be started: what they take from the package is there. None is run: a time is nothing to assert."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
COMMANDS = sorted(path.name for path in BENCH.glob("*.py") if "argparse" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bench_says_how_it_is_run(name: str) -> None:
    done = subprocess.run([sys.executable, name, "--help"], cwd=BENCH, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name} ")
