"""Jobs on machines that see nothing of the emulator's files: each is in namespaces of its own."""

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
from tests.compute.laboratory import Laboratory, Recipe
from tests.ray_cluster import LONG, RayCluster, own_driver

Build = Callable[..., JobSpec]
pytestmark = pytest.mark.slow
# A command for jobs: it creates a file when it runs, and ends after the test has created another.
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
def build(job: Build, laboratory: Laboratory, tmp_path: Path, share: Path) -> Iterator[Build]:
    """Describes jobs with the share as ``$S``; what still runs of them is ended after the test."""
    built: list[JobSpec] = []

    def make(command: str, *, nodes: int = 1, **changes: object) -> JobSpec:
        root = tmp_path / "a path"
        each = tuple(NodeSpec(f"tvm-1_{number}", "10.0.0.4", root / f"node{number}", gpus=0) for number in range(nodes))
        command = f'ln -s "$AZ_BATCHAI_MOUNT_ROOT/s" s; S=s; {command}'
        mounts = (MountSpec("s", share),)
        toolkit = {"toolkit": "command", "settings": {"commandLine": command}}
        built.append(job(nodes=each, cluster_mounts=mounts, **toolkit, **changes))
        return built[-1]

    yield make
    for spec in built:
        laboratory.backend.terminate(spec.directory)
        if laboratory.backend.adopt(spec.directory):
            laboratory.finish(spec)
        laboratory.backend.forget(spec.directory)


def until(condition: Callable[[], object]) -> None:
    while not condition():
        signal.sigtimedwait((), 0.05)


def places(cluster: RayCluster) -> list[str]:
    """The folders of jobs on the machines of a cluster."""
    found = []
    for node in cluster.nodes[1:]:
        argv = ["nsenter", f"--target={node.pid}", "--mount", "find", "/var/tmp", "-name", "job-*"]
        found += subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return found


def test_nodes_share_files_while_they_run(
    laboratory: Laboratory, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    (share / "data").write_text("data\n")
    os.mkfifo(share / "pipe")
    spec = build(
        f"cat $S/data; {WAIT}; echo $AZUREML_CR_NODE_RANK > $S/from$AZUREML_CR_NODE_RANK; "
        "while [ ! -e $S/from$((1 - $AZUREML_CR_NODE_RANK)) ]; do sleep 0.1; done; "
        "cat $S/from$((1 - $AZUREML_CR_NODE_RANK)); ln -s /etc $S/link",
        nodes=2,
    )
    laboratory.start(spec)
    until(lambda: all((share / f"up{rank}").exists() for rank in range(2)))
    logs = [spec.stdouterr / f"stdout_process_0{rank}.txt" for rank in range(2)]
    until(lambda: all(log.exists() and log.read_text() == "data\n" for log in logs))
    assert len(set(places(namespaced_cluster))) == 1
    (share / "go").write_text("")  # by a client, for one

    progress = laboratory.finish(spec)

    assert (progress.error, progress.exit_code) == (None, 0)
    assert [log.read_text() for log in logs] == ["data\n1\n", "data\n0\n"]
    assert sorted(path.name for path in share.iterdir()) == ["data", "from0", "from1", "go", "pipe", "up0", "up1"]
    assert "files are copied to and from the nodes" in (spec.stdouterr / "execution.log").read_text()
    assert not JobPaths(spec.directory).plan.exists()
    laboratory.backend.forget(spec.directory)
    until(lambda: places(namespaced_cluster) == [])


@LONG
def test_nodes_on_one_machine_have_their_files_in_common(laboratory: Laboratory, build: Build, share: Path) -> None:
    spec = build("echo $AZUREML_CR_NODE_RANK > $S/from$AZUREML_CR_NODE_RANK", nodes=3)

    assert laboratory.run(spec).exit_code == 0
    assert sorted(path.name for path in share.iterdir()) == ["from0", "from1", "from2"]


def test_a_killed_driver_is_replaced_and_no_file_is_missing(laboratory: Laboratory, build: Build, share: Path) -> None:
    spec = build(f"echo before > $S/result; {WAIT}; echo after >> $S/result; exit 7")
    laboratory.start(spec)
    until((share / "up0").exists)

    own_driver().kill()
    (share / "go").write_text("")

    assert laboratory.finish(spec).exit_code == 7
    assert (share / "result").read_text() == "before\nafter\n"


def test_termination_leaves_what_the_job_has_written(laboratory: Laboratory, build: Build, share: Path) -> None:
    spec = build(f"trap 'echo saved > $S/checkpoint; exit 0' TERM; {WAIT}")
    laboratory.start(spec, grace=300.0)  # it is over as soon as the job has ended
    until((share / "up0").exists)

    laboratory.backend.terminate(spec.directory)

    assert laboratory.finish(spec).error == "JobTerminated"
    assert (share / "checkpoint").read_text() == "saved\n"


def test_a_job_outlives_the_emulator_that_was_killed(
    laboratory: Laboratory, build: Build, share: Path, recipe: Recipe
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

    assert laboratory.backend.adopt(spec.directory)

    assert laboratory.finish(spec).exit_code == 0
    assert (share / "result").read_text() == "done\n"


@LONG
def test_a_job_whose_files_are_on_their_way_can_be_ended(
    laboratory: Laboratory, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    with (share / "large").open("wb") as stream:
        stream.truncate(1 << 30)
    spec = build("touch $S/ran")
    laboratory.backend.start(laboratory.backend.plan(spec))
    until(lambda: places(namespaced_cluster))

    laboratory.backend.terminate(spec.directory)

    progress = laboratory.finish(spec)
    assert (progress.state, progress.error, progress.started) == ("finished", "JobTerminated", None)
    until(lambda: places(namespaced_cluster) == [])
    assert not (share / "ran").exists()


@LONG
def test_a_machine_that_is_gone_is_a_lost_node(
    laboratory: Laboratory, build: Build, share: Path, namespaced_cluster: RayCluster
) -> None:
    spec = build(f"echo $AZ_BATCH_HOST_LIST; {WAIT}", nodes=2)
    laboratory.start(spec)
    log = spec.stdouterr / "stdout_process_00.txt"
    until(lambda: log.exists() and log.read_text().endswith("\n") and (share / "up0").exists())
    second = log.read_text().strip().split(",")[1]
    [node] = [each for each in namespaced_cluster.nodes if f"--node-ip-address={second}" in each.args]

    namespaced_cluster.kill(node)

    progress = laboratory.finish(spec)
    assert (progress.error, progress.lost_nodes) == ("JobNodeLost", ("tvm-1_1",))
    laboratory.backend.forget(spec.directory)
    namespaced_cluster.replace(node)
    (share / "go").write_text("")
    assert laboratory.run(build(WAIT)).exit_code == 0
