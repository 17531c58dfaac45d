"""Training on the machines of a Ray cluster has the same result as on one node."""

import importlib.util
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec, NodeSpec
from tests.compute.job_runner import JobRunner, Recipe
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
    """A cluster of four nodes on Ray's machines, and the training in its share; CNTK is CNTK on PyTorch."""
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


SUM = """\
import os
import torch
import torch.distributed.nn  # first of all, as docs/toolkits.md says

def main():
    torch.distributed.init_process_group("gloo")
    total = torch.tensor([float(torch.distributed.get_rank() + 1)])
    torch.distributed.all_reduce(total)
    print(os.environ["RANK"], os.environ["MASTER_ADDR"], total.item(), flush=True)

main()
torch.distributed.destroy_process_group()
"""


@LONG
def test_torchrun_connects_machines_with_the_variables_of_azure_machine_learning(
    tmp_path: Path, four_machines: RayCluster, job: Callable[..., JobSpec]
) -> None:
    (tmp_path / "sum.py").write_text(SUM)
    torchrun = f"'{sys.executable}' -m torch.distributed.run --nnodes=2 --nproc-per-node=2 --node-rank=$NODE_RANK"
    command = f"{torchrun} --master-addr=$MASTER_ADDR --master-port=$MASTER_PORT '{tmp_path}/sum.py'"
    settings = {"commandLine": command, "distribution": "PyTorch", "processCountPerInstance": 1, "index": 0}
    nodes = tuple(NodeSpec(f"tvm-1_{number}", "10.0.0.4", tmp_path / f"node{number}", gpus=0) for number in range(2))
    cluster = four_machines
    runner = JobRunner(
        Recipe("ray", tmp_path, environ=cluster.environ, address=cluster.address, emulator=str(uuid.uuid4()))
    )
    spec = job(nodes=nodes, toolkit="command", settings=settings)

    progress = runner.run(spec)
    runner.backend.forget(spec.directory)
    runner.backend.close()

    assert progress.exit_code == 0, [path.read_text() for path in spec.stdouterr.iterdir()]
    printed = [path.read_text() for path in sorted(spec.stdouterr.glob("stdout*.txt"))]
    lines = sorted(line.split() for text in printed for line in text.splitlines())
    assert [(rank, total) for rank, _, total in lines] == [(str(rank), "10.0") for rank in range(4)]
    assert [len(text.splitlines()) for text in printed] == [2, 2]
