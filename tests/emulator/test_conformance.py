"""Microsoft's recorded sessions, replayed against the emulator by the comparison tool."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

SHARED = Path(__file__).parents[3] / "shared"
TOOL = SHARED / "tools" / "conform.py"
RECORDINGS = SHARED / "reference" / "recordings"
NAMES = sorted(path.relative_to(RECORDINGS).as_posix() for path in RECORDINGS.rglob("*.yaml"))
PACE = 0.01  # slow enough for the tool to see the passing states

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator with a pace of a hundredth of the service's."""
    with launch(tmp_path_factory.mktemp("conformance"), pace=PACE) as running:
        yield running


def recordings() -> list[Any]:
    """All recordings; those in which nodes start are slow."""
    return [pytest.param(name, marks=pytest.mark.slow if _starts_nodes(name) else ()) for name in NAMES or ["none"]]


def _starts_nodes(name: str) -> bool:
    return any(word in name for word in ("clusters.", "jobs.", "file_servers.", "manual_scale"))


@pytest.mark.skipif(not NAMES, reason="Microsoft's recordings are not beside the repository (../shared)")
@pytest.mark.parametrize("recording", recordings())
def test_every_answer_is_the_recorded_one(paced: Endpoint, recording: str) -> None:
    result = subprocess.run(
        [sys.executable, str(TOOL), str(RECORDINGS / recording), "--interval", "0.05"],
        env=os.environ | paced.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
