"""The back end that runs the jobs of a cluster."""

from tests.emulator.batchai.conftest import Group

TAGS = {"harness-compute": "slurm"}
ERROR = "Job could not be started: there is no compute back end 'slurm'; there are process"


def test_a_tag_of_the_workspace_chooses_the_back_end(group: Group) -> None:
    group.send("PATCH", group.workspace, {"tags": TAGS})
    group.make_cluster()

    information = group.run("job")["executionInfo"]

    [error] = information["errors"]
    assert error["code"] == "JobStartFailed"
    assert error["message"].startswith(ERROR)


def test_a_tag_of_the_cluster_wins(group: Group) -> None:
    group.send("PATCH", group.workspace, {"tags": TAGS})
    group.make_cluster()
    path = f"{group.provider}/clusters/flat"
    body = group.cluster() | {"location": "eastus", "tags": {"harness-compute": "process"}}
    group.wait_for_operation(group.send("PUT", path, body, api="2018-03-01"))
    job = {**group.job("exit 3")["properties"], "cluster": {"id": path}}

    group.send("PUT", f"{group.provider}/jobs/flat", {"location": "eastus", "properties": job}, api="2018-03-01")
    document = group.until(
        f"{group.provider}/jobs/flat", lambda shown: shown["properties"]["executionState"] == "failed", api="2018-03-01"
    )

    assert document["properties"]["executionInfo"]["exitCode"] == 3
