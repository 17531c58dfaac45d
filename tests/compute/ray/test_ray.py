"""The behaviour of the back end ``ray`` alone: separate machines for nodes, and the loss of machines."""

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
from harness.compute.ray.messages import Connected, Event, JobChanged, Node, NodeLost, Place, Run
from tests.compute.job_runner import JobRunner, Recipe
from tests.ray_cluster import LONG, RayCluster, own_driver

Build = Callable[..., JobSpec]
pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(tmp_path: Path, ray_cluster: RayCluster) -> Recipe:
    return Recipe("ray", tmp_path, environ=ray_cluster.environ, address=ray_cluster.address, emulator=str(uuid.uuid4()))


@pytest.fixture
def build(job: Build, runner: JobRunner, tmp_path: Path) -> Iterator[Build]:
    """Describe jobs of several nodes; running jobs are ended after the test."""
    built: list[JobSpec] = []

    def make(command: str, *, nodes: int = 2, toolkit: str = "command", **changes: object) -> JobSpec:
        root = tmp_path / "a path"
        specs = tuple(
            NodeSpec(f"tvm-1_{number}", "10.0.0.4", root / f"node{number}", gpus=0) for number in range(nodes)
        )
        settings = changes.pop("settings", {"commandLine": command})
        built.append(job(nodes=specs, toolkit=toolkit, settings=settings, **changes))
        return built[-1]

    yield make
    for spec in built:
        runner.backend.terminate(spec.directory)
        if runner.backend.adopt(spec.directory):
            runner.finish(spec)
        runner.backend.forget(spec.directory)


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    """A directory of named pipes: opening one to read waits for a writer, and the other way round."""
    path = tmp_path / "share"
    path.mkdir()
    for number in range(2):
        os.mkfifo(path / f"gate{number}")
    return path


def streams(job: JobSpec) -> list[str]:
    """Return the output of each process."""
    return [path.read_text() for path in sorted(job.stdouterr.glob("stdout*.txt"))]


def living(text: str) -> list[psutil.Process]:
    running = [process for process in psutil.process_iter(["cmdline", "status"]) if process.info["status"] != "zombie"]
    return [process for process in running if text in " ".join(process.info["cmdline"] or ())]


def test_each_node_is_a_separate_machine_with_its_own_address(runner: JobRunner, build: Build) -> None:
    spec = build("echo $AZ_BATCH_HOST_LIST $AZ_BATCHAI_MPI_MASTER_NODE; cat /proc/$PPID/cmdline | tr '\\0' ' '")

    assert runner.run(spec).exit_code == 0
    (hosts, first), *_ = [text.split()[:2] for text in streams(spec)]
    assert hosts.split(",")[0] == first
    assert sorted(hosts.split(",")) == ["127.0.0.3", "127.0.0.4"]
    started_by = [text.split("harness.compute.")[1].split(" ")[0] for text in streams(spec) if "ray." in text]
    assert started_by == ["ray.node_server"]


@LONG
def test_the_exit_code_of_another_node_is_that_of_the_job(runner: JobRunner, build: Build) -> None:
    progress = runner.run(build("exit $((AZUREML_CR_NODE_RANK * 7))"))

    assert (progress.error, progress.exit_code) == ("JobFailed", 7)


def test_a_shell_on_another_node_has_the_variables_of_that_node(runner: JobRunner, build: Build) -> None:
    command = (
        'set -- $(echo $AZ_BATCH_HOST_LIST | tr , " "); '
        'ssh $2 "echo \\$AZ_BATCHAI_JOB_TEMP; echo problem >&2; exit 9"; echo "code $?"; ssh $1 true; echo "code $?"'
    )
    spec = build(command, toolkit="customToolkit")

    assert runner.run(spec).exit_code == 0
    assert streams(spec) == [f"{spec.directory}/node-tvm-1_1/temp\ncode 9\ncode 0\n"]
    assert "problem\n" in (spec.stdouterr / "stderr.txt").read_text()


def test_mpi_starts_its_ranks_on_all_nodes(runner: JobRunner, build: Build) -> None:
    if runner.backend._machine.mpirun is None:
        pytest.skip("Open MPI is not installed")
    settings = {"commandLine": "sh -c 'echo rank $OMPI_COMM_WORLD_RANK in $AZ_BATCHAI_JOB_TEMP'", "processCount": 4}
    spec = build("", toolkit="customMpi", settings=settings)

    assert runner.run(spec).exit_code == 0, (spec.stdouterr / "stderr.txt").read_text()
    lines = sorted(streams(spec)[0].splitlines())
    nodes = [f"{spec.directory}/node-tvm-1_{number}/temp" for number in (0, 0, 1, 1)]
    assert lines == [f"rank {rank} in {node}" for rank, node in enumerate(nodes)]


def test_termination_ends_the_tree_on_every_node(runner: JobRunner, build: Build, gates: Path) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"
    command = f"(setsid {nap} &) ; trap '' TERM; echo up > '{gates}'/gate$AZUREML_CR_NODE_RANK; while :; do {nap}; done"
    spec = build(command, cluster_mounts=(MountSpec("share", gates),))
    runner.start(spec, grace=1.0)
    for number in range(2):
        (gates / f"gate{number}").read_text()
    assert len(living(nap)) >= 4

    runner.backend.terminate(spec.directory)

    assert runner.finish(spec).error == "JobTerminated"
    assert living(nap) == []


@LONG
def test_what_a_rank_forked_on_another_node_ends_with_the_job(runner: JobRunner, build: Build) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"

    assert runner.run(build(f"(setsid {nap} &) ; true")).exit_code == 0
    assert living(nap) == []


def test_a_job_waits_for_machines_and_says_why_until_it_is_terminated(runner: JobRunner, build: Build) -> None:
    spec = build("true", nodes=5)
    log = spec.stdouterr / "execution.log"
    runner.backend.start(runner.backend.plan(spec))

    assert "waits: Ray has no machines for 5 node(s)" in wait_for_line(log)
    assert runner.backend.poll(spec.directory).state == "waiting"

    runner.backend.terminate(spec.directory)

    assert runner.finish(spec).error == "JobTerminated"


def test_a_killed_driver_is_replaced_and_the_job_continues(runner: JobRunner, build: Build, gates: Path) -> None:
    spec = build(f"cat '{gates}'/gate$AZUREML_CR_NODE_RANK", cluster_mounts=(MountSpec("share", gates),))
    runner.start(spec)

    own_driver().kill()
    for number in range(2):
        (gates / f"gate{number}").write_text("on\n")

    assert runner.finish(spec).exit_code == 0
    assert streams(spec) == ["on\n", "on\n"]


def test_a_fault_of_the_driver_ends_the_job_and_the_driver_s_log_has_the_traceback(
    ray_cluster: RayCluster, tmp_path: Path
) -> None:
    events = queue.SimpleQueue[Event]()
    (tmp_path / "placement.json").write_text("{}")
    driver = DriverProcess(
        lambda: {"address": ray_cluster.address, "emulator": str(uuid.uuid4()), "data": str(tmp_path)},
        lambda: os.environ | ray_cluster.environ,
        on_event=events.put,
        initial_orders=lambda: [Run(str(tmp_path), nodes=(), key="key")],
        log=tmp_path / "driver.log",
    )
    with closing(driver):
        driver.ensure_started()
        assert isinstance(events.get(timeout=240), Connected)
        event = events.get(timeout=240)

    assert isinstance(event, JobChanged)
    assert (event.state["state"], event.state["error"]) == ("finished", "JobStartFailed")
    assert "the driver of Ray has failed (IndexError: " in event.state["message"]
    assert "Traceback (most recent call last):" in (tmp_path / "driver.log").read_text()


def test_a_fault_of_the_driver_loses_the_node_that_it_looks_for(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = pytest.importorskip("harness.compute.ray.nodes")

    class Faulty:
        """Placements whose search fails."""

        async def place_one(self, *_: object) -> None:
            raise LookupError("a fault")

        def release(self, owner: str) -> None:
            released.append(owner)

    async def lost() -> Event:
        events = asyncio.Queue[Event]()
        nodes.NodeMachines(Faulty(), events.put_nowait).acquire(
            Place(Node("tvm-1", "STANDARD_D1", 1, 0), "/cluster/tvm-1")
        )
        return await asyncio.wait_for(events.get(), 60)

    released: list[str] = []
    assert asyncio.run(lost()) == NodeLost("tvm-1")
    assert released == ["/cluster/tvm-1"]
    assert "LookupError: a fault" in capsys.readouterr().err


@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=LONG)])
def test_a_machine_that_fails_is_a_lost_node(
    runner: JobRunner, build: Build, gates: Path, ray_cluster: RayCluster, rank: int
) -> None:
    nap = f"sleep {10**6 + uuid.uuid4().int % 10**9}.5"
    command = f"echo $AZ_BATCH_HOST_LIST > '{gates}'/gate$AZUREML_CR_NODE_RANK; (setsid {nap} &) ; {nap}"
    spec = build(command, cluster_mounts=(MountSpec("share", gates),))
    runner.start(spec)
    hosts = [(gates / f"gate{number}").read_text().strip().split(",") for number in range(2)]
    [node] = [process for process in ray_cluster.nodes if f"--node-ip-address={hosts[0][rank]}" in process.args]

    ray_cluster.kill(node)

    progress = runner.finish(spec)
    assert (progress.error, progress.lost_nodes) == ("JobNodeLost", (f"tvm-1_{rank}",))
    assert living(nap) == []
    runner.backend.forget(spec.directory)
    ray_cluster.replace(node)
    assert runner.run(build("true")).exit_code == 0


def wait_for_line(path: Path) -> str:
    """Wait for the first line of a file; return its text."""
    while not path.exists() or "\n" not in (text := path.read_text()):
        signal.sigtimedwait((), 0.05)
    return text
