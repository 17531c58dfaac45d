"""Jobs on machines that do not see the emulator's files: each machine is a set of namespaces."""

import os
import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec, MountSpec, NodeSpec
from harness.compute.paths import JobPaths
from tests.compute.job_runner import JobRunner, Recipe
from tests.ray_cluster import LONG, RayCluster, own_driver

Build = Callable[..., JobSpec]
pytestmark = pytest.mark.slow
# A command for jobs: it creates a file when it starts, and ends after the test has created another file.
WAIT = "touch $S/up$AZUREML_CR_NODE_RANK; while [ ! -e $S/go ]; do sleep 0.1; done"


@pytest.fixture
def recipe(tmp_path: Path, namespaced_cluster: RayCluster) -> Recipe:
    cluster = namespaced_cluster
    return Recipe("ray", tmp_path, environ=cluster.environ, address=cluster.address, emulator=str(uuid.uuid4()))


@pytest.fixture
def share(tmp_path: Path) -> Path:
    path = tmp_path / "a share"
    path.mkdir()
    return path


@pytest.fixture
def build(job: Build, runner: JobRunner, tmp_path: Path, share: Path) -> Iterator[Build]:
    """Describe jobs with the share as ``$S``; running jobs are ended after the test."""
    built: list[JobSpec] = []

    def make(command: str, *, nodes: int = 1, **changes: object) -> JobSpec:
        root = tmp_path / "a path"
        specs = tuple(
            NodeSpec(f"tvm-1_{number}", "10.0.0.4", root / f"node{number}", gpus=0) for number in range(nodes)
        )
        command = f'ln -s "$AZ_BATCHAI_MOUNT_ROOT/s" s; S=s; {command}'
        mounts = (MountSpec("s", share),)
        toolkit = {"toolkit": "command", "settings": {"commandLine": command}}
        built.append(job(nodes=specs, cluster_mounts=mounts, **toolkit, **changes))
        return built[-1]

    yield make
    for spec in built:
        runner.backend.terminate(spec.directory)
        if runner.backend.adopt(spec.directory):
            runner.finish(spec)
        runner.backend.forget(spec.directory)


def until(condition: Callable[[], object]) -> None:
    while not condition():
        signal.sigtimedwait((), 0.05)


def job_folders(cluster: RayCluster) -> list[str]:
    """Return the staging folders of jobs on the machines of a cluster."""
    paths = []
    for node in cluster.nodes[1:]:
        argv = ["nsenter", f"--target={node.pid}", "--mount", "find", "/var/tmp", "-name", "job-*"]
        paths += subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return paths


def test_nodes_share_files_while_they_run(
    runner: JobRunner, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    (share / "data").write_text("data\n")
    os.mkfifo(share / "pipe")
    spec = build(
        f"cat $S/data; {WAIT}; echo $AZUREML_CR_NODE_RANK > $S/from$AZUREML_CR_NODE_RANK; "
        "while [ ! -e $S/from$((1 - $AZUREML_CR_NODE_RANK)) ]; do sleep 0.1; done; "
        "cat $S/from$((1 - $AZUREML_CR_NODE_RANK)); ln -s /etc $S/link",
        nodes=2,
    )
    runner.start(spec)
    until(lambda: all((share / f"up{rank}").exists() for rank in range(2)))
    logs = [spec.stdouterr / f"stdout_process_0{rank}.txt" for rank in range(2)]
    until(lambda: all(log.exists() and log.read_text() == "data\n" for log in logs))
    assert len(set(job_folders(namespaced_cluster))) == 1
    (share / "go").write_text("")  # like an upload of a client

    progress = runner.finish(spec)

    assert (progress.error, progress.exit_code) == (None, 0)
    assert [log.read_text() for log in logs] == ["data\n1\n", "data\n0\n"]
    assert sorted(path.name for path in share.iterdir()) == ["data", "from0", "from1", "go", "pipe", "up0", "up1"]
    assert "files are copied to and from the nodes" in (spec.stdouterr / "execution.log").read_text()
    assert not JobPaths(spec.directory).plan.exists()
    runner.backend.forget(spec.directory)
    until(lambda: job_folders(namespaced_cluster) == [])


@LONG
def test_nodes_on_one_machine_have_their_files_in_common(runner: JobRunner, build: Build, share: Path) -> None:
    spec = build("echo $AZUREML_CR_NODE_RANK > $S/from$AZUREML_CR_NODE_RANK", nodes=3)

    assert runner.run(spec).exit_code == 0
    assert sorted(path.name for path in share.iterdir()) == ["from0", "from1", "from2"]


def test_a_killed_driver_is_replaced_and_no_file_is_missing(runner: JobRunner, build: Build, share: Path) -> None:
    spec = build(f"echo before > $S/result; {WAIT}; echo after >> $S/result; exit 7")
    runner.start(spec)
    until((share / "up0").exists)

    own_driver().kill()
    (share / "go").write_text("")

    assert runner.finish(spec).exit_code == 7
    assert (share / "result").read_text() == "before\nafter\n"


def test_termination_leaves_what_the_job_has_written(runner: JobRunner, build: Build, share: Path) -> None:
    spec = build(f"trap 'echo saved > $S/checkpoint; exit 0' TERM; {WAIT}")
    runner.start(spec, grace=300.0)  # the grace ends as soon as the job has ended
    until((share / "up0").exists)

    runner.backend.terminate(spec.directory)

    assert runner.finish(spec).error == "JobTerminated"
    assert (share / "checkpoint").read_text() == "saved\n"


def test_a_job_outlives_the_emulator_that_was_killed(
    runner: JobRunner, build: Build, share: Path, recipe: Recipe
) -> None:
    spec = build(f"{WAIT}; echo done > $S/result")
    emulator = subprocess.run(
        [sys.executable, "-m", "tests.compute.start_and_die"],
        input=pickle.dumps((recipe, spec)),
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert emulator.returncode == -signal.SIGKILL
    (share / "go").write_text("")

    assert runner.backend.adopt(spec.directory)

    assert runner.finish(spec).exit_code == 0
    assert (share / "result").read_text() == "done\n"


@LONG
def test_a_job_whose_files_are_on_their_way_can_be_ended(
    runner: JobRunner, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    with (share / "large").open("wb") as stream:
        stream.truncate(1 << 30)
    spec = build("touch $S/ran")
    runner.backend.start(runner.backend.plan(spec))
    until(lambda: job_folders(namespaced_cluster))

    runner.backend.terminate(spec.directory)

    progress = runner.finish(spec)
    assert (progress.state, progress.error, progress.started) == ("finished", "JobTerminated", None)
    until(lambda: job_folders(namespaced_cluster) == [])
    assert not (share / "ran").exists()


@LONG
def test_a_machine_that_fails_is_a_lost_node(
    runner: JobRunner, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    spec = build(f"echo $AZ_BATCH_HOST_LIST; {WAIT}", nodes=2)
    runner.start(spec)
    log = spec.stdouterr / "stdout_process_00.txt"
    until(lambda: log.exists() and log.read_text().endswith("\n") and (share / "up0").exists())
    second = log.read_text().strip().split(",")[1]
    [node] = [process for process in namespaced_cluster.nodes if f"--node-ip-address={second}" in process.args]

    namespaced_cluster.kill(node)

    progress = runner.finish(spec)
    assert (progress.error, progress.lost_nodes) == ("JobNodeLost", ("tvm-1_1",))
    runner.backend.forget(spec.directory)
    namespaced_cluster.replace(node)
    (share / "go").write_text("")
    assert runner.run(build(WAIT)).exit_code == 0
