"""Jobs: how they run, wait, end, and are terminated and listed."""

from typing import Any

import pytest

from tests.emulator.batchai.conftest import Group

TERMINATED = {"code": "JobTerminated", "message": "The specified job has been terminated by the user"}


def test_a_job_runs_with_its_variables_and_leaves_its_streams_and_outputs(group: Group) -> None:
    group.make_cluster()
    job = group.submit(
        "job",
        "echo $WORD $SECRET; echo out > $AZ_BATCHAI_OUTPUT_MODEL/model.txt; ls $AZ_BATCHAI_INPUT_DATA",
        environmentVariables=[{"name": "WORD", "value": "hello"}],
        secrets=[{"name": "SECRET", "value": "world"}],
        inputDirectories=[{"id": "DATA", "path": "$AZ_BATCHAI_MOUNT_ROOT/share/data"}],
        outputDirectories=[{"id": "MODEL", "pathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share", "pathSuffix": "Models"}],
        jobPreparation={"commandLine": "mkdir -p $AZ_BATCHAI_INPUT_DATA; touch $AZ_BATCHAI_INPUT_DATA/prepared"},
    )
    properties = group.wait_for_end(job)

    assert properties["executionState"] == "succeeded"
    assert properties["executionInfo"]["exitCode"] == 0
    assert group.read(job) == "hello world\nprepared\n"
    assert group.read(job, "model.txt", "MODEL") == "out\n"
    assert list(group.outputs(job)) == [
        "execution.log", "stderr-job_prep.txt", "stderr.txt", "stdout-job_prep.txt", "stdout.txt",
    ]  # fmt: skip
    assert properties["secrets"] == [{"name": "SECRET"}]


def test_a_job_that_exits_3_fails_with_its_exit_code(group: Group) -> None:
    group.make_cluster()
    information = group.run("job", "exit 3")["executionInfo"]

    assert information["exitCode"] == 3
    assert information["errors"] == [{"code": "JobFailed", "message": "Job failed with non-zero exit code"}]


def test_a_job_waits_while_its_cluster_has_too_few_nodes_and_lets_smaller_ones_pass(group: Group) -> None:
    group.make_cluster()
    large = group.submit("large", nodeCount=2)
    assert group.run("small")["executionState"] == "succeeded"
    assert group.send("GET", large).json()["properties"]["executionState"] == "queued"

    scale = {"manual": {"targetNodeCount": 2}}
    group.send("PATCH", f"{group.workspace}/clusters/cluster", {"properties": {"scaleSettings": scale}})
    assert group.wait_for_end(large)["executionState"] == "succeeded"


def test_a_job_of_high_priority_goes_first(group: Group) -> None:
    group.make_cluster()
    go, order = "$AZ_BATCHAI_MOUNT_ROOT/share/go", "$AZ_BATCHAI_MOUNT_ROOT/share/order"
    group.submit("first", f"until test -e {go}; do sleep 0.02; done")
    jobs = [
        group.submit(name, f"echo {name} >> {order}", schedulingPriority=priority)
        for name, priority in [("low", "low"), ("normal", "normal"), ("high", "high")]
    ]
    group.files.create_file(group.share, None, "go", 0)
    for job in jobs:
        group.wait_for_end(job)

    assert group.files.get_file_to_text(group.share, None, "order").content.split() == ["high", "normal", "low"]


def test_terminating_a_queued_job_fails_it_without_an_exit_code(group: Group) -> None:
    group.make_cluster(nodes=0)
    job = group.submit("job")
    assert group.wait_for_operation(group.send("POST", f"{job}/terminate"))["status"] == "Succeeded"
    information = group.wait_for_end(job)["executionInfo"]

    assert information["errors"] == [TERMINATED]
    assert "exitCode" not in information


def test_terminating_a_running_job_ends_its_whole_tree(group: Group) -> None:
    group.make_cluster()
    alive = "$AZ_BATCHAI_MOUNT_ROOT/share/alive"
    job = group.submit("job", f"(trap '' TERM; while true; do touch {alive}; sleep 0.05; done) & wait")
    group.until(job, lambda _job: group.files.exists(group.share, file_name="alive"))
    group.wait_for_operation(group.send("POST", f"{job}/terminate"))

    assert group.wait_for_end(job)["executionInfo"]["errors"] == [TERMINATED]
    group.files.delete_file(group.share, None, "alive")
    assert group.run("after")["executionState"] == "succeeded"
    assert not group.files.exists(group.share, file_name="alive")


def test_terminating_a_finished_job_changes_nothing(group: Group) -> None:
    group.make_cluster()
    before = group.run("job")
    answer = group.send("POST", f"{group.experiment}/jobs/job/terminate")

    assert (answer.status_code, answer.content) == (200, b"")
    assert "azure-asyncoperation" not in answer.headers
    assert group.send("GET", f"{group.experiment}/jobs/job").json()["properties"] == before


def test_deleting_a_running_job_ends_it_and_keeps_its_files(group: Group) -> None:
    group.make_cluster()
    job = group.submit("job", "echo begun; sleep 600")
    group.until(job, lambda _job: group.outputs(job).get("stdout.txt", {}).get("properties", {}).get("contentLength"))
    link = group.outputs(job)["stdout.txt"]["downloadUrl"]
    group.wait_for_operation(group.send("DELETE", job))

    assert group.send("GET", job).json()["error"]["code"] == "JobNotFound"
    assert group.session.get(link).text == "begun\n"


def test_the_same_job_again_is_shown_as_it_was_submitted_and_does_not_run_again(group: Group) -> None:
    group.make_cluster()
    counter = "$AZ_BATCHAI_MOUNT_ROOT/share/counter"
    group.run("job", f"echo once >> {counter}")
    again = group.send("PUT", f"{group.experiment}/jobs/job", group.job(f"echo once >> {counter}"))

    assert again.status_code == 200
    assert again.json()["properties"]["executionState"] == "queued"
    assert "executionInfo" not in again.json()["properties"]
    assert group.files.get_file_to_text(group.share, None, "counter").content == "once\n"


def test_another_definition_of_a_job_is_refused(group: Group) -> None:
    group.make_cluster()
    group.run("job")
    answer = group.send("PUT", f"{group.experiment}/jobs/job", group.job("false"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JobAlreadyExists")


def test_a_job_over_its_time_limit_is_ended(group: Group) -> None:
    group.make_cluster()
    properties = group.run("job", "sleep 600", constraints={"maxWallClockTime": "PT0.3S"})

    assert properties["executionState"] == "failed"
    assert properties["executionInfo"]["errors"][0]["code"] == "JobMaxWallClockTimeExceeded"


def test_the_nodes_of_a_job_can_be_logged_in_to_while_it_runs(group: Group) -> None:
    group.make_cluster(nodes=2)
    job = group.submit("job", "sleep 600", nodeCount=2)
    group.wait_for_state(job, "running")

    assert len(group.send("POST", f"{job}/listRemoteLoginInformation").json()["value"]) == 2


def test_a_job_of_several_nodes_has_a_log_for_each(group: Group) -> None:
    group.make_cluster(nodes=2)
    job = group.submit("job", "echo $AZ_BATCH_HOST_LIST", nodeCount=2)
    group.wait_for_end(job)

    assert sum(name.startswith("execution-tvm-") for name in group.outputs(job)) == 2
    assert group.read(job) == "10.0.0.4,10.0.0.5\n"


def test_nodes_of_a_job_reach_each_other_by_ssh_without_a_password(group: Group) -> None:
    group.make_cluster(nodes=2)
    job = group.submit("job", "ssh 10.0.0.4 echo 'one  two' && ssh -p 23 me@10.0.0.5 -- exit 3", nodeCount=2)
    properties = group.wait_for_end(job)

    assert group.read(job) == "one two\n"
    assert "Permanently added '10.0.0.4'" in group.read(job, "stderr.txt")
    assert properties["executionInfo"]["exitCode"] == 3


def test_a_job_mount_is_there_for_the_job_alone(group: Group) -> None:
    group.make_cluster()
    share = group.mount | {"relativeMountPath": "mine"}
    job = group.submit(
        "job",
        "cp /etc/hostname $AZ_BATCHAI_JOB_MOUNT_ROOT/mine/copied",
        mountVolumes={"azureFileShares": [share]},
        stdOutErrPathPrefix="$AZ_BATCHAI_JOB_MOUNT_ROOT/mine",
    )

    assert group.wait_for_end(job)["executionState"] == "succeeded"
    assert group.files.exists(group.share, file_name="copied")
    assert "stdout.txt" in group.outputs(job)
    after = group.run("after", "ls $AZ_BATCHAI_JOB_MOUNT_ROOT/mine")
    assert after["executionState"] == "failed"


def test_a_job_with_a_missing_share_fails_and_names_it(group: Group) -> None:
    group.make_cluster()
    share = group.mount | {"azureFileUrl": group.mount["azureFileUrl"] + "x"}
    error = group.run("job", mountVolumes={"azureFileShares": [share]})["executionInfo"]["errors"][0]

    assert error["code"] == "AZFMountError"
    assert f"share {group.share}x of account" in error["details"][0]["value"]


@pytest.mark.parametrize("prefix", ["$AZ_BATCHAI_JOB_MOUNT_ROOT", "$AZ_BATCHAI_MOUNT_ROOT", "/tmp", "relative"])
def test_a_job_whose_directories_are_on_no_mount_runs_and_its_files_cannot_be_listed(group: Group, prefix: str) -> None:
    group.make_cluster()
    outputs = [{"id": "MODEL", "pathPrefix": prefix, "pathSuffix": "models"}]
    command = "echo model > $AZ_BATCHAI_OUTPUT_MODEL/model && test -e $AZ_BATCHAI_STDOUTERR_DIR/stdout.txt"

    state = group.run("job", command, stdOutErrPathPrefix=prefix, outputDirectories=outputs)

    assert (state["executionState"], state["executionInfo"]["exitCode"]) == ("succeeded", 0)
    for directory in ("stdouterr", "MODEL"):
        answer = group.send("POST", f"{group.experiment}/jobs/job/listOutputFiles", outputdirectoryid=directory)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "OutputDirectoryNotOnMount")
        assert f"outputDirectoryId {directory} is not present on a mount root" in answer.json()["error"]["message"]


def test_a_set_up_task_whose_streams_are_on_no_mount_runs(group: Group) -> None:
    task = {"commandLine": "echo hello", "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT"}
    setup = {"setupTask": task, "mountVolumes": {"azureFileShares": [group.mount]}}

    assert group.make_cluster(nodeSetup=setup)["properties"]["nodeStateCounts"]["idleNodeCount"] == 1


def test_a_job_whose_streams_are_on_a_mount_of_its_own_command_fails_and_says_which_path(group: Group) -> None:
    group.make_cluster()
    mounts = {"unmanagedFileSystems": [{"mountCommand": "mount -t tmpfs none", "relativeMountPath": "own"}]}
    prefix = "$AZ_BATCHAI_JOB_MOUNT_ROOT/own"
    error = group.run("job", mountVolumes=mounts, stdOutErrPathPrefix=prefix)["executionInfo"]["errors"][0]

    assert error["code"] == "InvalidMountPath"
    assert error["message"] == f"The output directory stdouterr, {prefix}, is not on a mounted file system"


def test_outputs_are_listed_a_level_and_a_page_at_a_time(group: Group) -> None:
    group.make_cluster()
    make = "cd $AZ_BATCHAI_OUTPUT_ALL; touch a b c; mkdir d; touch d/e; ln -s /etc f"
    outputs = [{"id": "ALL", "pathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share"}]
    group.run("job", make, outputDirectories=outputs)
    job = f"{group.experiment}/jobs/job"
    page = group.send("POST", f"{job}/listOutputFiles", outputdirectoryid="ALL", maxresults="3").json()
    next_page = group.send("POST", page["nextLink"]).json()

    assert [item["name"] for item in page["value"]] == ["a", "b", "c"]
    assert next_page == {"value": [{"name": "d", "fileType": "directory"}]}
    assert list(group.outputs(job, "ALL", directory="d")) == ["e"]


@pytest.mark.parametrize("directory", ["..", "/etc", "d/../../.."])
def test_outputs_outside_of_the_directory_are_not_listed(group: Group, directory: str) -> None:
    group.make_cluster()
    group.run("job")
    job = f"{group.experiment}/jobs/job"
    answer = group.send("POST", f"{job}/listOutputFiles", outputdirectoryid="stdouterr", directory=directory)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"customToolkitSettings": None}, "must be the settings of exactly one toolkit"),
        ({"horovodSettings": {"pythonScriptFilePath": "x"}}, "must be the settings of exactly one toolkit"),
        ({"nodeCount": 0}, "Expected `int` >= 1"),
        ({"cluster": {"id": "nonsense"}}, "is not the id of a cluster"),
        ({"constraints": {"maxWallClockTime": "soon"}}, "is not a time span"),
        ({"inputDirectories": [{"id": "A B", "path": "x"}]}, "must be letters, digits and underscores"),
        ({"inputDirectories": [{"id": "A", "path": "x"}, {"id": "A", "path": "y"}]}, "is given twice"),
        ({"outputDirectories": [{"id": "A", "pathPrefix": "x", "pathSuffix": "../y"}]}, "without '..'"),
    ],
)
def test_a_wrong_definition_is_refused_by_name(group: Group, properties: dict[str, Any], message: str) -> None:
    answer = group.send("PUT", f"{group.experiment}/jobs/job", group.job(**properties))

    assert answer.status_code == 400, answer.text
    assert message in answer.json()["error"]["message"]


def test_a_job_for_a_cluster_that_is_not_there_is_refused(group: Group) -> None:
    answer = group.send("PUT", f"{group.experiment}/jobs/job", group.job(on="none"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ClusterNotFound")


def test_a_secret_in_a_key_vault_fails_the_job_and_is_named(group: Group) -> None:
    group.make_cluster()
    reference = {"sourceVault": {"id": "/vault"}, "secretUrl": "https://vault/secret"}
    properties = group.run("job", secrets=[{"name": "HIDDEN", "valueSecretReference": reference}])

    assert "the secret HIDDEN is in a key vault" in properties["executionInfo"]["errors"][0]["message"]


def test_jobs_stay_readable_when_their_cluster_is_gone(group: Group) -> None:
    group.make_cluster()
    group.run("job", "echo hello")
    group.wait_for_operation(group.send("DELETE", f"{group.workspace}/clusters/cluster"))

    assert group.read(f"{group.experiment}/jobs/job") == "hello\n"
    assert group.wait_for_operation(group.send("DELETE", f"{group.experiment}/jobs/job"))["status"] == "Succeeded"


def test_a_running_job_ends_with_its_cluster_and_a_queued_one_stays(group: Group) -> None:
    group.make_cluster()
    running, queued = group.submit("running", "sleep 600"), group.submit("queued")
    group.wait_for_state(running, "running")
    group.wait_for_operation(group.send("DELETE", f"{group.workspace}/clusters/cluster"))

    assert group.wait_for_end(running)["executionInfo"]["errors"][0]["code"] == "JobClusterDeleted"
    assert group.send("GET", queued).json()["properties"]["executionState"] == "queued"


def test_a_file_whose_name_is_not_utf_8_hides_no_other(group: Group) -> None:
    group.make_cluster()
    program = r"import os; os.mkdir(b'd\xef'); [open(p, 'w') for p in (b'na\xefve', b'plain', b'd\xef/inside')]"
    output = {"id": "O", "pathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share", "pathSuffix": "o"}
    job = group.submit("job", f'cd $AZ_BATCHAI_OUTPUT_O; python3 -c "{program}"', outputDirectories=[output])
    group.wait_for_end(job)
    files = group.outputs(job, "O")

    assert list(files) == ["d\ufffd", "na\ufffdve", "plain"]
    assert group.session.get(files["na\ufffdve"]["downloadUrl"]).status_code == 404
    assert list(group.outputs(job, "O", directory="d\ufffd")) == ["inside"]
