"""Clusters of the emulator whose nodes are machines of a Ray cluster."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.batchai.conftest import Group, emulated
from tests.ray_cluster import RayCluster

pytestmark = pytest.mark.slow


@pytest.fixture
def compute(ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cluster in the notation of ``--compute``."""
    for name, value in ray_cluster.environ.items():
        monkeypatch.setenv(name, value)
    return f"ray:{ray_cluster.address}"


@pytest.fixture
def group(tmp_path: Path, compute: str) -> Iterator[Group]:
    with emulated(tmp_path / "emulator", compute) as emulated_group:
        emulated_group.set_up()
        yield emulated_group
        emulated_group.tear_down()


def counts(cluster: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in cluster["properties"]["nodeStateCounts"].items() if number}


def host_of(group: Group, job: str) -> str:
    """Return the address of the machine on which a job runs, which the job prints."""
    group.until(job, lambda _: "stdout.txt" in group.outputs(job) and group.read(job).endswith("\n"))
    return group.read(job).split()[0]


def test_a_cluster_without_machines_stays_resizing_and_says_why(group: Group) -> None:
    path = f"{group.workspace}/clusters/cluster"
    group.wait_for_operation(group.send("PUT", path, group.cluster(5)))

    shown = group.until(path, lambda cluster: cluster["properties"].get("errors"))

    assert shown["properties"]["allocationState"] == "resizing"
    [error] = shown["properties"]["errors"]
    assert error["code"] == "AllocationFailed"
    assert error["message"].endswith("free now, over all machines: none of that")
    group.until(path, lambda cluster: counts(cluster) == {"idleNodeCount": 4, "preparingNodeCount": 1})
    assert group.run("job")["executionState"] == "succeeded"

    body = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 2}}}}
    group.send("PATCH", path, body)
    shown = group.until(path, lambda cluster: cluster["properties"]["allocationState"] == "steady")

    assert counts(shown) == {"idleNodeCount": 2}
    assert not shown["properties"].get("errors")


def test_jobs_are_adopted_by_the_emulator_after_one_that_was_killed(tmp_path: Path, compute: str) -> None:
    gate, directory = tmp_path / "gate", tmp_path / "emulator"
    os.mkfifo(gate)
    with emulated(directory, compute) as group:
        group.set_up()
        group.make_cluster()
        job = group.submit("job", f"echo $AZ_BATCH_HOST_LIST; cat '{gate}'")
        host_of(group, job)
        os.kill(group.endpoint.pid, signal.SIGKILL)

    with emulated(directory, compute) as later:
        later.name, later.share, later.id = group.name, group.share, group.id
        later.provider, later.workspace, later.experiment = group.provider, group.workspace, group.experiment
        gate.write_text("after\n")

        assert later.wait_for_end(job)["executionState"] == "succeeded"
        assert later.read(job).split()[1:] == ["after"]
        assert later.run("another")["executionState"] == "succeeded"
        later.tear_down()


def test_a_job_whose_machine_fails_runs_again_on_another_node(
    tmp_path: Path, group: Group, ray_cluster: RayCluster
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    group.make_cluster()
    job = group.submit("job", f"echo $AZ_BATCH_HOST_LIST; cat '{gate}'")
    host = host_of(group, job)
    [node] = [process for process in ray_cluster.nodes if f"--node-ip-address={host}" in process.args]

    ray_cluster.kill(node)
    group.until(job, lambda _: group.read(job).split()[-1] != host)
    gate.write_text("")

    assert group.wait_for_end(job)["executionState"] == "succeeded"
    ray_cluster.replace(node)


def test_machines_are_released_when_the_data_directory_of_an_ended_emulator_is_deleted(
    tmp_path: Path, compute: str
) -> None:
    with emulated(tmp_path / "ended", compute) as ended:
        ended.set_up()
        ended.make_cluster(nodes=4)
    shutil.rmtree(tmp_path / "ended")

    with emulated(tmp_path / "next", compute) as following:
        following.set_up()
        following.make_cluster(nodes=4)  # all machines
        following.tear_down()
