"""Faults of nodes and jobs, each as the service reports it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options
from tests.emulator.batchai.conftest import (
    Group,
    group,  # noqa: F401 - a fixture
)
from tests.emulator.faults.conftest import PLANS, Plans

Put = Callable[..., None]

IMAGE = {"imageSourceRegistry": {"image": "ubuntu:16.04"}}
# Nodes are numbered: on the first of a cluster this runs until the node is taken, however long that takes.
STAYS_ON_THE_FIRST_NODE = "case $PWD in */node-tvm-*_1-*) sleep 600;; esac"


def counts(cluster: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in cluster["properties"]["nodeStateCounts"].items() if count}


@pytest.fixture
def scoped(plans: Plans, group: Group) -> Put:  # noqa: F811
    """Puts plans in force for the group alone."""

    def put(faults: dict[str, Any], **rest: Any) -> None:
        plans.put(faults, scope={"group": group.name}, **rest)

    return put


def test_a_node_that_never_boots_stays_in_preparing_and_another_size_is_rid_of_it(
    plans: Plans,
    scoped: Put,
    group: Group,  # noqa: F811
) -> None:
    path = f"{group.workspace}/clusters/cluster"
    scoped({"no-boot": {"rate": 1, "times": 1}})
    group.wait_for_operation(group.send("PUT", path, group.cluster(2)))
    group.until(path, lambda cluster: counts(cluster) == {"idleNodeCount": 1, "preparingNodeCount": 1})
    assert plans.strike_counts() == {"no-boot": 1}

    for size in (0, 2):
        group.send("PATCH", path, {"properties": {"scaleSettings": {"manual": {"targetNodeCount": size}}}})
        group.until(path, lambda cluster, size=size: counts(cluster) == ({"idleNodeCount": 2} if size else {}))


def test_a_node_that_never_boots_runs_no_set_up_task(scoped: Put, group: Group) -> None:  # noqa: F811
    task = {"commandLine": "exit 7", "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share"}
    setup = {"setupTask": task, "mountVolumes": {"azureFileShares": [group.mount]}}
    path = f"{group.workspace}/clusters/cluster"
    scoped({"no-boot": {"rate": 1, "times": 1}})
    group.wait_for_operation(group.send("PUT", path, group.cluster(2, nodeSetup=setup)))
    group.until(path, lambda cluster: counts(cluster) == {"unusableNodeCount": 1, "preparingNodeCount": 1})


def test_a_running_job_loses_its_node_and_runs_again_on_another(plans: Plans, scoped: Put, group: Group) -> None:  # noqa: F811
    scoped({"preempt": {"rate": 1, "times": 1}})
    group.make_cluster()
    path = f"{group.workspace}/clusters/cluster"
    before = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]

    assert group.run("job", STAYS_ON_THE_FIRST_NODE)["executionState"] == "succeeded"
    assert plans.strike_counts() == {"preempt": 1}
    group.until(path, lambda cluster: counts(cluster) == {"idleNodeCount": 1})
    after = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]
    assert [login["nodeId"].split("_")[1].split("-")[0] for login in before + after] == ["1", "2"]


def test_a_job_that_ends_before_its_node_is_taken_has_ended_well(scoped: Put, group: Group) -> None:  # noqa: F811
    scoped({"preempt": {"rate": 1, "seconds": 3600}})
    group.make_cluster()

    assert group.run("first", "sleep 0.1")["executionState"] == "succeeded"
    assert group.run("second", "sleep 0.1")["executionState"] == "succeeded"


def test_a_full_disk_fails_the_job_by_name(scoped: Put, group: Group) -> None:  # noqa: F811
    group.make_cluster()
    scoped({"full-disk": {"rate": 1, "times": 1}})
    info = group.run("job")["executionInfo"]

    assert info["errors"][0]["code"] == "DiskFull"
    assert info["errors"][0]["message"] == "There is not enough disk space on the node"
    assert info["errors"][0]["details"][0]["name"] == "NodeId"
    assert group.run("next")["executionState"] == "succeeded"


def test_an_image_that_cannot_be_pulled_fails_the_job_that_asks_for_it(scoped: Put, group: Group) -> None:  # noqa: F811
    group.make_cluster()
    scoped({"image-pull": 1})
    info = group.run("job", containerSettings=IMAGE)["executionInfo"]

    assert info["errors"][0] == {
        "code": "FailedStartingContainer",
        "message": "unable to start docker container",
        "details": [{"name": "imageName", "value": "ubuntu:16.04"}],
    }
    assert group.run("plain")["executionState"] == "succeeded"


@pytest.mark.slow  # it kills an emulator, and starts another
def test_a_scheduled_fault_of_a_job_strikes_after_the_emulator_was_killed(
    tmp_path: Path, sign_in: Callable[[Endpoint], requests.Session]
) -> None:
    from tests.emulator.batchai.conftest import Group

    def open_group(endpoint: Endpoint) -> Group:
        session = sign_in(endpoint)
        session.params = {}
        client = Group(endpoint, session, session.headers.pop("Authorization").removeprefix("Bearer "))
        client.files.request_session = session
        return client

    directory = tmp_path / "data"
    first = start_detached(Options(directory))
    try:
        before = open_group(first)
        before.set_up()
        before.make_cluster(nodes=1)
        faults = {"preempt": {"rate": 1, "times": 1, "seconds": 2}}
        assert before.send("PUT", PLANS.removeprefix("https://management.azure.com") + "/p", {"faults": faults}).ok
        job = before.submit("job", f"{STAYS_ON_THE_FIRST_NODE}; exit 3")
        before.wait_for_state(job, "running")
        process = psutil.Process(first.pid)
        process.kill()
        process.wait()
        before.session.close()

        after = open_group(start_detached(Options(directory)))
        for name in ("id", "provider", "workspace", "experiment"):
            setattr(after, name, getattr(before, name))
        assert after.wait_for_end(job)["executionInfo"]["exitCode"] == 3
        after.session.close()
    finally:
        stop(directory)
