"""Clusters: sizes, scaling, set-up tasks, mounts."""

import base64
from typing import Any

import pytest

from tests.emulator.batchai.conftest import Group

Document = dict[str, Any]


def counts(cluster: Document) -> dict[str, int]:
    return {name: count for name, count in cluster["properties"]["nodeStateCounts"].items() if count}


def test_a_cluster_shows_its_definition_with_defaults_and_without_secrets(group: Group) -> None:
    properties = group.make_cluster()["properties"]

    assert properties["scaleSettings"] == {"manual": {"targetNodeCount": 1, "nodeDeallocationOption": "requeue"}}
    assert properties["vmPriority"] == "dedicated"
    assert properties["userAccountSettings"] == {"adminUserName": "me"}
    share = properties["nodeSetup"]["mountVolumes"]["azureFileShares"][0]
    assert share["credentials"] == {}
    assert (share["fileMode"], share["directoryMode"]) == ("0777", "0777")


def test_the_same_definition_again_shows_the_cluster_and_another_is_refused(group: Group) -> None:
    group.make_cluster()
    path = f"{group.workspace}/clusters/cluster"

    assert group.send("PUT", path, group.cluster()).status_code == 200
    response = group.send("PUT", path, group.cluster(2))
    assert (response.status_code, response.json()["error"]["code"]) == (409, "ClusterAlreadyExists")


def test_a_patch_answers_with_the_new_size_and_the_old_state(group: Group) -> None:
    group.make_cluster()
    path = f"{group.workspace}/clusters/cluster"
    scale = {"manual": {"targetNodeCount": 0}}
    answer = group.send("PATCH", path, {"properties": {"scaleSettings": scale}})

    assert answer.json()["properties"]["scaleSettings"]["manual"]["targetNodeCount"] == 0
    assert answer.json()["properties"]["currentNodeCount"] == 1
    resized = group.until(path, lambda cluster: cluster["properties"]["currentNodeCount"] == 0)
    assert resized["properties"]["allocationState"] == "steady"


def test_nodes_have_names_that_count_on_and_places_to_log_in(group: Group) -> None:
    group.make_cluster(nodes=2)
    path = f"{group.workspace}/clusters/cluster"
    before = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]
    for size in (0, 1):
        group.send("PATCH", path, {"properties": {"scaleSettings": {"manual": {"targetNodeCount": size}}}})
        group.until(path, lambda cluster, size=size: cluster["properties"]["nodeStateCounts"]["idleNodeCount"] == size)
    after = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]

    assert [login["port"] for login in before] == [50000, 50001]
    assert [login["nodeId"].split("_")[1].split("-")[0] for login in before + after] == ["1", "2", "3"]
    assert len({login["ipAddress"] for login in before}) == 2


def test_autoscale_grows_for_a_job_and_shrinks_after_it(group: Group) -> None:
    auto = {"autoScale": {"minimumNodeCount": 0, "maximumNodeCount": 2}}
    path = f"{group.workspace}/clusters/cluster"
    operation = group.wait_for_operation(group.send("PUT", path, group.cluster(scaleSettings=auto)))
    assert operation["status"] == "Succeeded"
    assert group.send("GET", path).json()["properties"]["currentNodeCount"] == 0

    assert group.run("job", nodeCount=2)["executionState"] == "succeeded"
    group.until(path, lambda cluster: cluster["properties"]["currentNodeCount"] == 0)


def test_a_job_on_a_node_that_has_to_go_is_put_back_into_the_queue(group: Group) -> None:
    group.make_cluster()
    path, marker = f"{group.workspace}/clusters/cluster", "$AZ_BATCHAI_MOUNT_ROOT/share/second"
    job = group.submit("job", f"test -e {marker} || {{ touch {marker}; sleep 600; }}")
    group.until(path, lambda cluster: counts(cluster) == {"runningNodeCount": 1})
    group.until(job, lambda _job: group.files.exists(group.share, file_name="second"))
    group.send("PATCH", path, {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 0}}}})

    assert group.wait_for_state(job, "queued")["executionState"] == "queued"
    group.send("PATCH", path, {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 1}}}})
    assert group.wait_for_end(job)["executionState"] == "succeeded"


def test_a_cluster_waits_for_the_job_on_a_departing_node_if_its_option_says_so(group: Group) -> None:
    group.make_cluster()
    path, go = f"{group.workspace}/clusters/cluster", "$AZ_BATCHAI_MOUNT_ROOT/share/go"
    job = group.submit("job", f"until test -e {go}; do sleep 0.05; done")
    group.wait_for_state(job, "running")
    scale = {"manual": {"targetNodeCount": 0, "nodeDeallocationOption": "waitforjobcompletion"}}
    group.send("PATCH", path, {"properties": {"scaleSettings": scale}})
    group.until(path, lambda cluster: cluster["properties"]["allocationState"] == "resizing")
    assert group.send("GET", job).json()["properties"]["executionState"] == "running"

    group.files.create_file(group.share, None, "go", 0)
    assert group.wait_for_end(job)["executionState"] == "succeeded"
    group.until(path, lambda cluster: cluster["properties"]["currentNodeCount"] == 0)


def test_a_preempted_node_is_replaced_and_its_job_runs_again(group: Group) -> None:
    group.make_cluster(vmPriority="lowpriority")
    path, marker = f"{group.workspace}/clusters/cluster", "$AZ_BATCHAI_MOUNT_ROOT/share/second"
    job = group.submit("job", f"test -e {marker} || {{ touch {marker}; sleep 600; }}")
    group.until(job, lambda _job: group.files.exists(group.share, file_name="second"))
    before = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]

    assert group.send("POST", f"{path}/preempt").status_code == 200
    assert group.wait_for_end(job)["executionState"] == "succeeded"
    after = group.send("POST", f"{path}/listRemoteLoginInformation").json()["value"]
    assert [login["nodeId"].split("_")[1].split("-")[0] for login in before + after] == ["1", "2"]


def test_dedicated_nodes_are_never_preempted(group: Group) -> None:
    group.make_cluster()
    answer = group.send("POST", f"{group.workspace}/clusters/cluster/preempt")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ClusterNotLowPriority")


def test_a_setup_task_runs_on_every_node_with_its_variables_and_secrets(group: Group) -> None:
    task = {
        "commandLine": "echo $GREETING $NAME",
        "environmentVariables": [{"name": "GREETING", "value": "hello"}],
        "secrets": [{"name": "NAME", "value": "node"}],
        "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share",
    }
    setup = {"setupTask": task, "mountVolumes": {"azureFileShares": [group.mount]}}
    shown = group.make_cluster(nodes=2, nodeSetup=setup)["properties"]["nodeSetup"]["setupTask"]
    names = [item.name for item in group.files.list_directories_and_files(group.share, shown["stdOutErrPathSuffix"])]

    assert shown["secrets"] == [{"name": "NAME"}]
    assert sum(name.startswith("stdout-tvm-") for name in names) == 2
    first = next(name for name in sorted(names) if name.startswith("stdout-"))
    text = group.files.get_file_to_text(group.share, shown["stdOutErrPathSuffix"], first).content
    assert text == "hello node\n"


def test_a_setup_task_that_fails_leaves_the_node_unusable_and_says_why(group: Group) -> None:
    task = {"commandLine": "exit 7", "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share"}
    setup = {"setupTask": task, "mountVolumes": {"azureFileShares": [group.mount]}}
    path = f"{group.workspace}/clusters/cluster"
    group.wait_for_operation(group.send("PUT", path, group.cluster(nodeSetup=setup)))
    cluster = group.until(path, lambda cluster: counts(cluster) == {"unusableNodeCount": 1})

    error = cluster["properties"]["errors"][0]
    assert error["code"] == "NodeSetupTaskFailed"
    assert {"name": "ExitCode", "value": "7"} in error["details"]


@pytest.mark.parametrize(
    ("change", "info"),
    [
        ({"azureFileUrl": "https://{account}.file.core.windows.net/nowhere"}, "share nowhere of account"),
        ({"credentials": {"accountKey": base64.b64encode(b"wrong").decode()}}, "the key is not one of storage account"),
        ({"accountName": "nobody"}, "storage account nobody does not exist"),
    ],
)
def test_a_share_that_cannot_be_mounted_leaves_the_node_unusable_and_is_named(
    group: Group, change: dict[str, Any], info: str
) -> None:
    account = group.endpoint.storage_account
    text = {key: value.format(account=account) if isinstance(value, str) else value for key, value in change.items()}
    setup = {"mountVolumes": {"azureFileShares": [group.mount | text]}}
    path = f"{group.workspace}/clusters/cluster"
    group.wait_for_operation(group.send("PUT", path, group.cluster(nodeSetup=setup)))
    cluster = group.until(path, lambda cluster: counts(cluster) == {"unusableNodeCount": 1})

    error = cluster["properties"]["errors"][0]
    assert error["code"] == "AZFMountError"
    assert info in error["details"][0]["value"]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"vmSize": "STANDARD_Z9"}, "STANDARD_Z9 for property Cluster.Properties.VMSize is not a supported VM size"),
        ({"scaleSettings": {}}, "must be either manual or autoScale"),
        ({"scaleSettings": {"autoScale": {"minimumNodeCount": 2, "maximumNodeCount": 1}}}, "minimum above its maximum"),
        ({"userAccountSettings": {"adminUserName": "me"}}, "must have adminUserPassword or adminUserSshPublicKey"),
        ({"scaleSettings": {"manual": {"targetNodeCount": "many"}}}, "Expected `int`, got `str`"),
        ({"vmPriority": "whatever"}, "Invalid enum value 'whatever'"),
    ],
)
def test_a_wrong_definition_is_refused_by_name(group: Group, properties: dict[str, Any], message: str) -> None:
    answer = group.send("PUT", f"{group.workspace}/clusters/cluster", group.cluster(**properties))

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_mount_path_that_leaves_the_root_is_refused(group: Group) -> None:
    setup = {"mountVolumes": {"azureFileShares": [group.mount | {"relativeMountPath": "../up"}]}}
    answer = group.send("PUT", f"{group.workspace}/clusters/cluster", group.cluster(nodeSetup=setup))

    assert answer.status_code == 400


def test_usages_count_the_cores_of_requested_nodes(group: Group) -> None:
    location = f"/subscriptions/{group.endpoint.subscription_id}/providers/Microsoft.BatchAI/locations/eastus/usages"
    name = "Standard NC Family Cluster LowPriority vCPUs"

    def cores() -> int:
        rows = {row["name"]["value"]: row["currentValue"] for row in group.send("GET", location).json()["value"]}
        return rows[name]

    before = cores()
    group.make_cluster(nodes=2, vmSize="standard_nc12", vmPriority="lowpriority")
    assert cores() == before + 24
