"""Three API versions of one service: a resource created through one is visible through the others, in their form."""

from typing import Any

import pytest

from tests.emulator.batchai.conftest import Group

Document = dict[str, Any]

MARCH, PREVIEW = "2018-03-01", "2017-09-01-preview"


@pytest.fixture
def flat_cluster(group: Group) -> str:
    """A cluster created through API version 2017-09-01-preview."""
    mount = group.mount
    mount["credentialsInfo"] = mount.pop("credentials")
    definition = {"location": "eastus", **group.cluster(nodeSetup={"mountVolumes": {"azureFileShares": [mount]}})}
    path = f"{group.provider}/clusters/flat"
    group.wait_for_operation(group.send("PUT", path, definition, api=PREVIEW))
    group.until(path, lambda cluster: cluster["properties"]["nodeStateCounts"]["idleNodeCount"] == 1, api=PREVIEW)
    return path


def test_a_cluster_of_2017_is_shown_in_the_words_of_each_version(group: Group, flat_cluster: str) -> None:
    preview = group.send("GET", flat_cluster, api=PREVIEW).json()
    march = group.send("GET", flat_cluster, api=MARCH).json()
    may = group.send("GET", f"{group.provider}/workspaces/migrated-eastus/clusters/flat").json()

    documents = (preview, march, may)
    assert [document["properties"]["allocationState"] for document in documents] == ["Steady", "steady", "steady"]
    assert [document["type"] for document in documents] == [
        "Microsoft.BatchAI/Clusters", "Microsoft.BatchAI/Clusters", "Microsoft.BatchAI/workspaces/clusters",
    ]  # fmt: skip
    assert "credentialsInfo" in preview["properties"]["nodeSetup"]["mountVolumes"]["azureFileShares"][0]
    assert "leavingNodeCount" not in preview["properties"]["nodeStateCounts"]
    assert preview["properties"]["subnet"] == {}
    assert "location" not in may
    assert "subnet" not in may["properties"]


def flat_job(group: Group, cluster: str, **properties: Any) -> Document:
    definition = group.job(**properties)
    definition["properties"]["cluster"]["id"] = cluster
    return {"location": "eastus", **definition}


def test_a_job_of_2018_03_is_shown_in_the_words_of_each_version(group: Group, flat_cluster: str) -> None:
    path = f"{group.provider}/jobs/job"
    outputs = [{"id": "OUT", "pathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share", "pathSuffix": "x"}]
    definition = flat_job(group, flat_cluster, command="false", priority=5, outputDirectories=outputs)
    group.wait_for_operation(group.send("PUT", path, definition, api=MARCH))
    march = group.until(path, lambda job: job["properties"]["executionState"] == "failed", api=MARCH)["properties"]
    preview = group.send("GET", path, api=PREVIEW).json()["properties"]
    inner = f"{group.provider}/workspaces/migrated-eastus/experiments/migrated/jobs/job"
    may = group.send("GET", inner).json()["properties"]

    assert (march["priority"], preview["priority"], may["schedulingPriority"]) == (5, 5, "high")
    assert march["outputDirectories"] == [{**outputs[0], "type": "custom", "createNew": True}]
    assert preview["outputDirectories"] == [{**outputs[0], "type": "Custom", "createNew": True}]
    assert may["outputDirectories"] == outputs
    assert preview["executionInfo"]["errors"][0]["message"] == " job failed with non-zero exit code"
    assert preview["constraints"] == {"maxWallClockTime": "P7D", "maxRetryCount": 0}
    assert march["jobOutputDirectoryPathSegment"].startswith(f"{group.endpoint.subscription_id}/{group.name}/jobs/job/")


def test_a_missing_flat_resource_is_unknown_to_the_gateway(group: Group) -> None:
    answer = group.send("GET", f"{group.provider}/jobs/none", api=MARCH)

    assert answer.status_code == 404
    assert answer.headers["x-ms-failure-cause"] == "gateway"
    assert answer.json()["error"]["message"] == (
        f"The Resource 'Microsoft.BatchAI/jobs/none' under resource group '{group.name}' was not found."
    )


def test_a_deleted_job_that_did_not_finish_by_itself_is_known_to_2018_03_alone(group: Group, flat_cluster: str) -> None:
    path = f"{group.provider}/jobs/job"
    group.wait_for_operation(group.send("PUT", path, flat_job(group, flat_cluster, nodeCount=2), api=MARCH))
    group.wait_for_operation(group.send("DELETE", path, api=MARCH))

    assert group.send("GET", path, api=MARCH).json()["error"]["code"] == "JobNotFound"
    assert group.send("GET", path, api=PREVIEW).json()["error"]["code"] == "ResourceNotFound"


def test_flat_lists_are_filtered_selected_and_paged(group: Group, flat_cluster: str) -> None:
    for name in ("a", "b", "c"):
        command = "false" if name == "b" else "true"
        definition = flat_job(group, flat_cluster, command=command)
        group.wait_for_operation(group.send("PUT", f"{group.provider}/jobs/{name}", definition, api=MARCH))
        group.until(
            f"{group.provider}/jobs/{name}",
            lambda job: job["properties"]["executionState"] in ("succeeded", "failed"),
            api=MARCH,
        )
    jobs = f"{group.provider}/jobs"
    failed = {"$filter": "properties/executionState eq 'failed' and not (name eq 'a')", "$select": "name"}
    matches = group.send("GET", jobs, api=MARCH, **failed).json()["value"]
    page = group.send("GET", jobs, api=MARCH, maxresults="2").json()

    assert [(job["name"], list(job)) for job in matches] == [("b", ["id", "name"])]
    assert [job["name"] for job in page["value"]] == ["a", "b"]
    assert [job["name"] for job in group.send("GET", page["nextLink"]).json()["value"]] == ["c"]
    assert group.send("GET", jobs, api=MARCH, **{"$filter": "name eq"}).status_code == 400


@pytest.mark.parametrize("api", ["2016-01-01", "2018-05-01"])
def test_a_version_that_has_no_flat_clusters_is_refused_with_those_that_do(group: Group, api: str) -> None:
    answer = group.send("GET", f"{group.provider}/clusters", api=api)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "NoRegisteredProviderFound"
    assert "2018-03-01, 2017-09-01-preview" in answer.json()["error"]["message"]


def test_an_operation_is_polled_where_each_version_put_it(group: Group, flat_cluster: str) -> None:
    preview = group.send("DELETE", flat_cluster, api=PREVIEW)
    may = group.send("DELETE", group.experiment)

    assert "/operationresults/" in preview.headers["azure-asyncoperation"]
    assert "/operationresults/" in preview.headers["location"]
    assert "/operationstatuses/" in may.headers["location"]
    assert (
        group.wait_for_operation(preview)["properties"]["resourceId"]
        == f"{group.endpoint.subscription_id}${group.name}$flat"
    )
    assert (
        group.wait_for_operation(may)["properties"]["resourceId"]
        == f"{group.endpoint.subscription_id}${group.name}$ws$exp"
    )


def test_a_client_on_msrest_gets_whole_seconds_and_one_on_azure_core_fractions(group: Group) -> None:
    group.session.headers["User-Agent"] = "python/3.6 msrest_azure/0.4.20 batchaiclient/0.2.0 Azure-SDK-For-Python"
    old = group.send("PUT", f"{group.workspace}/clusters/a", group.cluster(0)).headers["retry-after"]
    group.session.headers["User-Agent"] = "azsdk-python-mgmt-batchai/7.0.0 Python/3.11"
    new = group.send("PUT", f"{group.workspace}/clusters/b", group.cluster(0)).headers["retry-after"]

    assert (old, new) == ("1", "0.05")


@pytest.mark.parametrize(
    ("api", "settings", "shown"),
    [
        (MARCH, {}, "commandLine runElevated stdOutErrPathPrefix stdOutErrPathSuffix"),
        (PREVIEW, {}, "commandLine environmentVariables runElevated stdOutErrPathPrefix"),
        (
            MARCH,
            {"environmentVariables": [{"name": "A", "value": "b"}], "secrets": [{"name": "S", "value": "t"}]},
            "commandLine environmentVariables secrets runElevated stdOutErrPathPrefix stdOutErrPathSuffix",
        ),
    ],
)
def test_a_set_up_task_shows_what_each_version_shows_of_it(
    group: Group, api: str, settings: dict[str, Any], shown: str
) -> None:
    task = {"commandLine": "true", "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share", **settings}
    definition = {"location": "eastus", **group.cluster(0, nodeSetup={"setupTask": task})}
    path = f"{group.provider}/clusters/task"
    group.wait_for_operation(group.send("PUT", path, definition, api=api))

    shown_task = group.send("GET", path, api=api).json()["properties"]["nodeSetup"]["setupTask"]

    assert list(shown_task) == shown.split()


@pytest.mark.parametrize(("api", "spelling"), [(PREVIEW, "SSH"), (MARCH, "SSH"), ("2018-05-01", "Ssh")])
def test_each_version_spells_the_public_key_of_an_administrator(group: Group, api: str, spelling: str) -> None:
    account = {"adminUserName": "me", "adminUserSshPublicKey": "ssh-rsa AAAA"}
    disks = {"diskSizeInGB": 10, "diskCount": 1, "storageAccountType": "Standard_LRS"}
    server = {"vmSize": "Standard_D1", "sshConfiguration": {"userAccountSettings": account}, "dataDisks": disks}
    above = group.workspace if spelling == "Ssh" else group.provider
    cluster = group.cluster(0, userAccountSettings=account, nodeSetup={})
    group.wait_for_operation(group.send("PUT", f"{above}/clusters/keys", {"location": "eastus", **cluster}, api=api))
    definition = {"location": "eastus", "properties": server}
    group.wait_for_operation(group.send("PUT", f"{above}/fileServers/keys", definition, api=api))

    shown = {"adminUserName": "me", f"adminUser{spelling}PublicKey": "ssh-rsa AAAA"}
    cluster = group.send("GET", f"{above}/clusters/keys", api=api).json()["properties"]
    server = group.send("GET", f"{above}/fileServers/keys", api=api).json()["properties"]
    assert cluster["userAccountSettings"] == shown
    assert server["sshConfiguration"]["userAccountSettings"] == shown


def test_a_public_key_may_be_spelled_as_it_was_answered(group: Group) -> None:
    path = f"{group.provider}/clusters/again"
    account = {"adminUserName": "me", "adminUserSSHPublicKey": "ssh-rsa AAAA"}
    definition = {"location": "eastus", **group.cluster(0, userAccountSettings=account)}

    group.wait_for_operation(group.send("PUT", path, definition, api=MARCH))

    assert group.send("GET", path, api=MARCH).json()["properties"]["userAccountSettings"] == account
