"""Training on several nodes is training on one with the same minibatches: real jobs, which read real digits.

HARNESS_TEST_DOSE=full pytest tests/training     # on two nodes, too, and all that could go wrong
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.batchai.conftest import Group, emulated
from tests.training.data_parallel import TOLERANCE, WAYS, WRONG, distance, losses, upload

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun on PATH"),
]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    """A cluster of four nodes on this machine, with the training on its share; CNTK is CNTK on PyTorch."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no CNTK"))
    with emulated(tmp_path / "emulator") as emulator:
        emulator.set_up()
        upload(emulator, tmp_path)
        emulator.make_cluster(nodes=4)
        yield emulator


@pytest.mark.parametrize("way", WAYS)
def test_several_nodes_learn_what_one_node_learns(group: Group, way: str) -> None:
    alone = losses(group, way, nodes=1)
    together = {nodes: losses(group, way, nodes=nodes) for nodes in ((2, 4) if IS_FULL else (4,))}

    assert alone[-1] < 0.9 * alone[0]
    assert {nodes: distance(alone, curve) for nodes, curve in together.items()} == pytest.approx(
        dict.fromkeys(together, 0), abs=TOLERANCE
    )


@pytest.mark.parametrize("way", ["cntk", "customMpi"] if IS_FULL else ["cntk"])
def test_what_averages_wrongly_learns_something_else(group: Group, way: str) -> None:
    alone = losses(group, way, nodes=1)
    far = {name: distance(alone, losses(group, way, nodes, training)) for name, (nodes, training) in WRONG.items()}

    assert min(far.values()) > 20 * TOLERANCE
