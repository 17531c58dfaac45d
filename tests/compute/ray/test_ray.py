"""What only the back end on a Ray cluster does: machines of their own for nodes, and what happens when one is gone."""

import asyncio
import os
import queue
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from harness.compute.backend import JobSpec, MountSpec, NodeSpec
from harness.compute.ray.driver_process import DriverProcess
from harness.compute.ray.messages import Connected, Moved, News, Node, NodeLost, Place, Run
from tests.compute.laboratory import Laboratory, Recipe
from tests.ray_cluster import LONG, RayCluster, own_driver

Build = Callable[..., JobSpec]
pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(tmp_path: Path, ray_cluster: RayCluster) -> Recipe:
    return Recipe("ray", tmp_path, environ=ray_cluster.environ, address=ray_cluster.address, emulator=str(uuid.uuid4()))


@pytest.fixture
def build(job: Build, laboratory: Laboratory, tmp_path: Path) -> Iterator[Build]:
    """Describes jobs of several nodes; what still runs of them is ended after the test."""
    built: list[JobSpec] = []

    def make(command: str, *, nodes: int = 2, toolkit: str = "command", **changes: object) -> JobSpec:
        root = tmp_path / "a path"
        each = tuple(NodeSpec(f"tvm-1_{number}", "10.0.0.4", root / f"node{number}", gpus=0) for number in range(nodes))
        settings = changes.pop("settings", {"commandLine": command})
        built.append(job(nodes=each, toolkit=toolkit, settings=settings, **changes))
        return built[-1]

    yield make
    for spec in built:
        laboratory.backend.terminate(spec.directory)
        if laboratory.backend.adopt(spec.directory):
            laboratory.finish(spec)
        laboratory.backend.forget(spec.directory)


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    """A directory of pipes: who opens one to read waits for who opens it to write, and the other way round."""
    path = tmp_path / "share"
    path.mkdir()
    for number in range(2):
        os.mkfifo(path / f"gate{number}")
    return path


def streams(job: JobSpec) -> list[str]:
    """What each process has printed."""
    return [path.read_text() for path in sorted(job.stdouterr.glob("stdout*.txt"))]


def living(text: str) -> list[psutil.Process]:
    running = [each for each in psutil.process_iter(["cmdline", "status"]) if each.info["status"] != "zombie"]
    return [each for each in running if text in " ".join(each.info["cmdline"] or ())]


def test_each_node_is_a_machine_with_an_address_of_its_own(laboratory: Laboratory, build: Build) -> None:
    spec = build("echo $AZ_BATCH_HOST_LIST $AZ_BATCHAI_MPI_MASTER_NODE; cat /proc/$PPID/cmdline | tr '\\0' ' '")

    assert laboratory.run(spec).exit_code == 0
    (hosts, first), *_ = [text.split()[:2] for text in streams(spec)]
    assert hosts.split(",")[0] == first
    assert sorted(hosts.split(",")) == ["127.0.0.3", "127.0.0.4"]
    started_by = [text.split("harness.compute.")[1].split(" ")[0] for text in streams(spec) if "ray." in text]
    assert started_by == ["ray.node_server"]


@LONG
def test_the_exit_code_of_another_node_is_that_of_the_job(laboratory: Laboratory, build: Build) -> None:
    progress = laboratory.run(build("exit $((AZUREML_CR_NODE_RANK * 7))"))

    assert (progress.error, progress.exit_code) == ("JobFailed", 7)


def test_a_shell_on_another_node_has_the_variables_of_that_node(laboratory: Laboratory, build: Build) -> None:
    command = (
        'set -- $(echo $AZ_BATCH_HOST_LIST | tr , " "); '
        'ssh $2 "echo \\$AZ_BATCHAI_JOB_TEMP; echo problem >&2; exit 9"; echo "code $?"; ssh $1 true; echo "code $?"'
    )
    spec = build(command, toolkit="customToolkit")

    assert laboratory.run(spec).exit_code == 0
    assert streams(spec) == [f"{spec.directory}/node-tvm-1_1/temp\ncode 9\ncode 0\n"]
    assert "problem\n" in (spec.stdouterr / "stderr.txt").read_text()


def test_mpi_starts_its_ranks_on_all_nodes(laboratory: Laboratory, build: Build) -> None:
    if laboratory.backend._machine.mpirun is None:
        pytest.skip("Open MPI is not installed")
    settings = {"commandLine": "sh -c 'echo rank $OMPI_COMM_WORLD_RANK in $AZ_BATCHAI_JOB_TEMP'", "processCount": 4}
    spec = build("", toolkit="customMpi", settings=settings)

    assert laboratory.run(spec).exit_code == 0, (spec.stdouterr / "stderr.txt").read_text()
    lines = sorted(streams(spec)[0].splitlines())
    nodes = [f"{spec.directory}/node-tvm-1_{number}/temp" for number in (0, 0, 1, 1)]
    assert lines == [f"rank {rank} in {node}" for rank, node in enumerate(nodes)]


def test_termination_ends_the_tree_on_every_node(laboratory: Laboratory, build: Build, gates: Path) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"
    command = f"(setsid {nap} &) ; trap '' TERM; echo up > '{gates}'/gate$AZUREML_CR_NODE_RANK; while :; do {nap}; done"
    spec = build(command, cluster_mounts=(MountSpec("share", gates),))
    laboratory.start(spec, grace=1.0)
    for number in range(2):
        (gates / f"gate{number}").read_text()
    assert len(living(nap)) >= 4

    laboratory.backend.terminate(spec.directory)

    assert laboratory.finish(spec).error == "JobTerminated"
    assert living(nap) == []


@LONG
def test_what_a_rank_forked_on_another_node_ends_with_the_job(laboratory: Laboratory, build: Build) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"

    assert laboratory.run(build(f"(setsid {nap} &) ; true")).exit_code == 0
    assert living(nap) == []


def test_a_job_waits_for_machines_and_says_why_until_it_is_terminated(laboratory: Laboratory, build: Build) -> None:
    spec = build("true", nodes=5)
    log = spec.stdouterr / "execution.log"
    laboratory.backend.start(laboratory.backend.plan(spec))

    assert "waits: Ray has no machines for 5 node(s)" in appeared(log)
    assert laboratory.backend.poll(spec.directory).state == "waiting"

    laboratory.backend.terminate(spec.directory)

    assert laboratory.finish(spec).error == "JobTerminated"


def test_a_killed_driver_is_replaced_and_the_job_goes_on(laboratory: Laboratory, build: Build, gates: Path) -> None:
    spec = build(f"cat '{gates}'/gate$AZUREML_CR_NODE_RANK", cluster_mounts=(MountSpec("share", gates),))
    laboratory.start(spec)

    own_driver().kill()
    for number in range(2):
        (gates / f"gate{number}").write_text("on\n")

    assert laboratory.finish(spec).exit_code == 0
    assert streams(spec) == ["on\n", "on\n"]


def test_a_fault_of_the_driver_ends_the_job_and_the_driver_s_log_has_the_traceback(
    ray_cluster: RayCluster, tmp_path: Path
) -> None:
    heard = queue.SimpleQueue[News]()
    (tmp_path / "placement.json").write_text("{}")
    driver = DriverProcess(
        lambda: {"address": ray_cluster.address, "emulator": str(uuid.uuid4()), "data": str(tmp_path)},
        lambda: os.environ | ray_cluster.environ,
        hear=heard.put,
        standing=lambda: [Run(str(tmp_path), nodes=(), key="key")],
        log=tmp_path / "driver.log",
    )
    with closing(driver):
        driver.ensure()
        assert isinstance(heard.get(timeout=240), Connected)
        moved = heard.get(timeout=240)

    assert isinstance(moved, Moved)
    assert (moved.state["state"], moved.state["error"]) == ("finished", "JobStartFailed")
    assert "the driver of Ray has failed (IndexError: " in moved.state["message"]
    assert "Traceback (most recent call last):" in (tmp_path / "driver.log").read_text()


def test_a_fault_of_the_driver_loses_the_node_that_it_looks_for(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = pytest.importorskip("harness.compute.ray.nodes")

    class Faulty:
        """Machines that cannot even be looked for."""

        async def place_one(self, *_: object) -> None:
            raise LookupError("a fault")

        def release(self, owner: str) -> None:
            released.append(owner)

    async def lost() -> News:
        heard = asyncio.Queue[News]()
        nodes.Nodes(Faulty(), heard.put_nowait).place(Place(Node("tvm-1", "STANDARD_D1", 1, 0), "/cluster/tvm-1"))
        return await asyncio.wait_for(heard.get(), 60)

    released: list[str] = []
    assert asyncio.run(lost()) == NodeLost("tvm-1")
    assert released == ["/cluster/tvm-1"]
    assert "LookupError: a fault" in capsys.readouterr().err


@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=LONG)])
def test_a_machine_that_is_gone_is_a_lost_node(
    laboratory: Laboratory, build: Build, gates: Path, ray_cluster: RayCluster, rank: int
) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"
    command = f"echo $AZ_BATCH_HOST_LIST > '{gates}'/gate$AZUREML_CR_NODE_RANK; (setsid {nap} &) ; {nap}"
    spec = build(command, cluster_mounts=(MountSpec("share", gates),))
    laboratory.start(spec)
    hosts = [(gates / f"gate{number}").read_text().strip().split(",") for number in range(2)]
    [node] = [each for each in ray_cluster.nodes if f"--node-ip-address={hosts[0][rank]}" in each.args]

    ray_cluster.kill(node)

    progress = laboratory.finish(spec)
    assert (progress.error, progress.lost_nodes) == ("JobNodeLost", (f"tvm-1_{rank}",))
    assert living(nap) == []
    laboratory.backend.forget(spec.directory)
    ray_cluster.replace(node)
    assert laboratory.run(build("true")).exit_code == 0


def appeared(path: Path) -> str:
    """The first line of a file, once it has one."""
    while not path.exists() or "\n" not in (text := path.read_text()):
        signal.sigtimedwait((), 0.05)
    return text
