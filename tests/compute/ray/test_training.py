"""Trainings whose nodes are machines of a Ray cluster learn what one node learns."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.emulator.batchai.conftest import Group, emulated
from tests.ray_cluster import LONG, NoRayError, RayCluster, started_cluster
from tests.training.data_parallel import TOLERANCE, WAYS, distance, losses, upload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun on PATH"),
]
FIRST_OF_WAYS = ["cntk", *(pytest.param(way, marks=LONG) for way in WAYS if way != "cntk")]


@pytest.fixture(scope="module")
def four_machines() -> Iterator[RayCluster]:
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(started_cluster())
            cluster.add_nodes(4, cpus=1, resources={"batchai-node": 1})
        except NoRayError as error:
            pytest.skip(f"no Ray cluster: {error}")
        yield cluster


@contextmanager
def training_group(directory: Path, monkeypatch: pytest.MonkeyPatch, cluster: RayCluster) -> Iterator[Group]:
    """A cluster of four nodes on the machines of Ray's, and the training in its share; CNTK is the one on PyTorch."""
    for name, value in {**cluster.environ, "XDG_DATA_HOME": str(directory / "no CNTK")}.items():
        monkeypatch.setenv(name, value)
    with emulated(directory / "emulator", f"ray:{cluster.address}") as group:
        group.set_up()
        upload(group, directory)
        group.make_cluster(nodes=4)
        yield group
        group.tear_down()


@LONG
@pytest.mark.parametrize("way", WAYS)
def test_four_machines_learn_what_one_node_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, four_machines: RayCluster, way: str
) -> None:
    with training_group(tmp_path, monkeypatch, four_machines) as group:
        alone, together = (losses(group, way, nodes) for nodes in (1, 4))

    assert distance(alone, together) < TOLERANCE, (alone, together)


@pytest.mark.parametrize("way", FIRST_OF_WAYS)
def test_machines_without_a_shared_file_system_learn_what_one_node_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, namespaced_cluster: RayCluster, way: str
) -> None:
    with training_group(tmp_path, monkeypatch, namespaced_cluster) as group:  # two nodes share a machine
        alone, together = (losses(group, way, nodes) for nodes in (1, 4))

    assert distance(alone, together) < TOLERANCE, (alone, together)
