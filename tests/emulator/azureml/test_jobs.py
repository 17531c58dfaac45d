import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.azureml.conftest import Group, until

DATASTORE = "azureml://datastores/workspaceblobstore/paths"
TERMINAL = ("Completed", "Failed", "Canceled")


class Workspace:
    """A workspace, and what tests do with its computes, jobs and blobs."""

    def __init__(self, group: Group, path: str) -> None:
        self.group = group
        self.path = path
        document = group.get(path)
        self.account = document["properties"]["storageAccount"].rpartition("/")[2]
        keys = group.send("POST", f"{document['properties']['storageAccount']}/listKeys", api="2019-06-01").json()
        self.key = keys["keys"][0]["value"]
        self.blobs = f"azureml-blobstore-{document['properties']['workspaceId']}"

    def compute(self, name: str = "cpu", maximum: int = 2, tags: dict[str, str] | None = None) -> str:
        scale = {"minNodeCount": 0, "maxNodeCount": maximum, "nodeIdleTimeBeforeScaleDown": "PT5M"}
        properties = {"vmSize": "Standard_DS3_v2", "scaleSettings": scale}
        inner = {"computeType": "AmlCompute", "properties": properties}
        body = {"location": "eastus", "tags": tags or {}, "properties": inner}
        self.group.finish(self.group.send("PUT", f"{self.path}/computes/{name}", body))
        return f"{self.path}/computes/{name}"

    def submit(self, command: str, **properties: Any) -> str:
        path = f"{self.path}/jobs/job{uuid.uuid4().hex[:10]}"
        body = {"properties": {"jobType": "Command", "command": command, **properties}}
        response = self.group.send("PUT", path, body)
        assert response.status_code == 201, response.text
        assert response.json()["properties"]["status"] == "Starting"
        return path

    def wait_for(self, job: str) -> str:
        until(lambda: self.group.get(job)["properties"]["status"] in TERMINAL)
        status: str = self.group.get(job)["properties"]["status"]
        return status

    def blob(self, container: str, name: str, data: bytes | None = None) -> bytes:
        from azure.storage.blob import BlobServiceClient

        endpoint = self.group.endpoint.blob_url
        client = BlobServiceClient(f"{endpoint}/{self.account}", credential=self.key).get_blob_client(container, name)
        if data is not None:
            client.upload_blob(data, overwrite=True)
            return data
        content: bytes = client.download_blob().readall()
        return content

    def log(self, job: str, name: str = "std_log.txt") -> str:
        return self.artifact(job, f"user_logs/{name}")

    def artifact(self, job: str, path: str) -> str:
        return self.blob("azureml", f"ExperimentRun/dcid.{job.rpartition('/')[2]}/{path}").decode()


@pytest.fixture
def workspace(group: Group, make_workspace: Callable[[], str]) -> Workspace:
    return Workspace(group, make_workspace())


def test_a_command_runs_and_its_log_is_in_the_artifacts(workspace: Workspace) -> None:
    job = workspace.submit("echo hello; echo error >&2", computeId=workspace.compute())

    assert workspace.wait_for(job) == "Completed"
    assert sorted(workspace.log(job).split()) == ["error", "hello"]


def test_a_job_without_a_compute_gets_one_that_ends_with_it(group: Group, workspace: Workspace) -> None:
    job = workspace.submit("echo serverless")

    assert workspace.wait_for(job) == "Completed"
    assert group.get(job)["properties"]["computeId"] is None
    assert group.get(f"{workspace.path}/computes") == {"value": []}


def test_a_failing_command_fails_its_job(workspace: Workspace) -> None:
    job = workspace.submit("exit 3")

    assert workspace.wait_for(job) == "Failed"


def test_code_is_the_working_directory(group: Group, workspace: Workspace) -> None:
    workspace.blob(workspace.blobs, "src/main.sh", b"echo from $(ls)")
    code = f"{workspace.path}/codes/{uuid.uuid4()}/versions/1"
    address = f"https://{workspace.account}.blob.core.windows.net/{workspace.blobs}/src"
    group.send("PUT", code, {"properties": {"codeUri": address}}).raise_for_status()

    job = workspace.submit("bash main.sh", codeId=code)

    assert workspace.wait_for(job) == "Completed"
    assert "main.sh" in workspace.log(job)


@pytest.mark.parametrize("mode", ["ReadOnlyMount", "Download"])
def test_an_input_is_a_directory(workspace: Workspace, mode: str) -> None:
    workspace.blob(workspace.blobs, "mnist/a.txt", b"data")

    job = workspace.submit("cat ${{inputs.data}}/a.txt", inputs={
        "data": {"jobInputType": "uri_folder", "uri": f"{DATASTORE}/mnist", "mode": mode}})  # fmt: skip

    assert workspace.wait_for(job) == "Completed"
    assert workspace.log(job) == "data"


def test_a_literal_is_put_in_as_it_is(workspace: Workspace) -> None:
    job = workspace.submit("echo --lr ${{ inputs.lr }} $AZUREML_PARAMETER_lr", inputs={
        "lr": {"jobInputType": "literal", "value": "0.1"}})  # fmt: skip

    assert workspace.wait_for(job) == "Completed"
    assert workspace.log(job) == "--lr 0.1 0.1\n"


@pytest.mark.parametrize("mode", ["ReadWriteMount", "Upload"])
def test_an_output_is_where_its_uri_says(workspace: Workspace, mode: str) -> None:
    job = workspace.submit("echo model > ${{outputs.model}}/m.txt", outputs={
        "model": {"jobOutputType": "uri_folder", "uri": f"{DATASTORE}/out", "mode": mode}})  # fmt: skip

    assert workspace.wait_for(job) == "Completed"
    assert workspace.blob(workspace.blobs, "out/m.txt") == b"model\n"


def test_an_output_without_a_uri_goes_below_the_jobs_name(workspace: Workspace) -> None:
    job = workspace.submit("echo x > ${{outputs.model}}/m.txt; exit 1", outputs={"model": {"mode": "Upload"}})

    assert workspace.wait_for(job) == "Failed"
    assert workspace.blob(workspace.blobs, f"azureml/{job.rpartition('/')[2]}/model/m.txt") == b"x\n"


def test_what_is_written_to_outputs_and_logs_is_an_artifact(workspace: Workspace) -> None:
    job = workspace.submit("echo a > outputs/a.txt; echo b > logs/b.txt")

    assert workspace.wait_for(job) == "Completed"
    folder = f"ExperimentRun/dcid.{job.rpartition('/')[2]}"
    assert workspace.blob("azureml", f"{folder}/outputs/a.txt") == b"a\n"
    assert workspace.blob("azureml", f"{folder}/logs/b.txt") == b"b\n"


def test_two_nodes_run_the_ranks_of_a_pytorch_job(workspace: Workspace) -> None:
    job = workspace.submit(
        "echo $RANK of $WORLD_SIZE on $NODE_RANK at $MASTER_ADDR:$MASTER_PORT",
        computeId=workspace.compute(),
        resources={"instanceCount": 2},
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
    )

    assert workspace.wait_for(job) == "Completed"
    logs = [workspace.log(job, f"std_log_process_{rank:02}.txt").split(" at ")[0] for rank in range(4)]
    assert logs == ["0 of 4 on 0", "1 of 4 on 0", "2 of 4 on 1", "3 of 4 on 1"]


def test_a_running_job_is_cancelled(group: Group, workspace: Workspace) -> None:
    job = workspace.submit("sleep 600")
    until(lambda: group.get(job)["properties"]["status"] == "Running")

    response = group.send("POST", f"{job}/cancel")

    assert response.status_code == 202
    assert response.text == "null"
    assert "/mfeOperationResults/jc:" in response.headers["location"]
    assert workspace.wait_for(job) == "Canceled"
    until(lambda: group.send("GET", response.headers["location"]).status_code == 200)
    assert group.send("POST", f"{job}/cancel").status_code == 200


def test_a_job_that_ran_is_deleted_and_one_that_runs_is_not(group: Group, workspace: Workspace) -> None:
    job = workspace.submit("sleep 600")
    refused = group.send("DELETE", job)
    group.send("POST", f"{job}/cancel")
    workspace.wait_for(job)

    deleted = group.send("DELETE", job)
    until(lambda: group.send("GET", deleted.headers["location"]).status_code == 200)

    assert refused.status_code == 409
    error = group.send("GET", job).json()["error"]
    assert error["message"] == f"Job {job.rpartition('/')[2]} not found."
    assert group.send("DELETE", job).status_code == 204


def test_a_second_put_changes_words_and_not_the_command(group: Group, workspace: Workspace) -> None:
    job = workspace.submit("echo 1", tags={"a": "1"})

    changed = group.send("PUT", job, {"properties": {"jobType": "Command", "command": "echo 1", "tags": {"b": "2"}}})
    refused = group.send("PUT", job, {"properties": {"jobType": "Command", "command": "echo 2"}})

    assert changed.status_code == 200
    assert changed.json()["properties"]["tags"] == {"b": "2"}
    assert refused.status_code == 400


def test_jobs_are_listed_the_newest_first(group: Group, workspace: Workspace) -> None:
    names = [workspace.submit("echo 1").rpartition("/")[2] for _ in range(3)]

    assert [job["name"] for job in group.get(f"{workspace.path}/jobs")["value"]] == names[::-1]


@pytest.mark.parametrize(
    ("properties", "status", "message"),
    [
        ({"jobType": "Sweep"}, 400, "does not serve sweep jobs"),
        ({"jobType": "Command"}, 400, "A command job has a 'command'."),
        ({"command": "echo ${{parent.name}}"}, 400, "Invalid expression parent.name. Only inputs and outputs"),
        ({"command": "echo ${{inputs.x}}"}, 400, "Invalid expression inputs.x. The inputs of the job are: none."),
        ({"command": "x", "computeId": "computes/none"}, 400, "Unknown compute target 'none'."),
        ({"command": "x", "inputs": {"1x": {}}}, 400, "The name '1x' in inputs is not valid"),
        ({"command": "x", "resources": {"instanceCount": 0}}, 400, "a whole number from 1 to 100, not 0"),
        ({"command": "x", "limits": {"timeout": "1h"}}, 400, "limits.timeout is a time span such as PT1H"),
        ({"command": "x", "distribution": {"distributionType": "Ray"}}, 400, "the distribution 'Ray'"),
    ],
)
def test_a_job_that_cannot_run_is_refused(
    group: Group, workspace: Workspace, properties: dict[str, Any], status: int, message: str
) -> None:
    response = group.send("PUT", f"{workspace.path}/jobs/mine", {"properties": {"jobType": "Command", **properties}})

    assert response.status_code == status
    assert message in response.json()["error"]["message"]
    assert group.send("GET", f"{workspace.path}/jobs/mine").status_code == 404


def test_an_output_on_a_datastore_that_does_not_exist_fails_the_job_later(group: Group, workspace: Workspace) -> None:
    job = workspace.submit("true", outputs={"model": {"uri": "azureml://datastores/none/paths/x"}})

    assert workspace.wait_for(job) == "Failed"


@pytest.mark.parametrize("path", ["../other", "a/../../b", "/etc"])
def test_an_input_does_not_leave_its_datastore(workspace: Workspace, path: str) -> None:
    job = workspace.submit("cat ${{inputs.data}}", inputs={"data": {"uri": f"{DATASTORE}/{path}"}})

    assert workspace.wait_for(job) == "Failed"


def test_an_input_does_not_follow_a_link_that_a_job_has_made(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "of-others.txt").write_text("not the job's")
    outputs = {"out": {"jobOutputType": "uri_folder", "uri": f"{DATASTORE}/links", "mode": "ReadWriteMount"}}
    linking = workspace.submit(f"ln -s '{tmp_path}' ${{{{outputs.out}}}}/away", outputs=outputs)
    assert workspace.wait_for(linking) == "Completed"

    job = workspace.submit("cat ${{inputs.data}}/of-others.txt", inputs={
        "data": {"jobInputType": "uri_folder", "uri": f"{DATASTORE}/links/away", "mode": "ReadOnlyMount"}})  # fmt: skip

    assert workspace.wait_for(job) == "Failed"


@pytest.mark.parametrize("uri", ["azureml:loop:1", "azureml:loop@latest", "https://[", f"{DATASTORE}/{'x' * 300}"])
def test_an_input_that_leads_nowhere_fails_its_job_alone(group: Group, workspace: Workspace, uri: str) -> None:
    loop = {"properties": {"dataType": "uri_folder", "dataUri": "azureml:loop:1"}}
    assert group.send("PUT", f"{workspace.path}/data/loop/versions/1", loop).status_code == 201

    wrong, right = workspace.submit("true", inputs={"data": {"uri": uri}}), workspace.submit("true")

    assert workspace.wait_for(wrong) == "Failed"
    assert workspace.wait_for(right) == "Completed"


@pytest.mark.parametrize(
    "properties",
    [
        {"command": f"true {'💩' * 60_000}"},
        {"command": "true", "environmentVariables": {"A": "x" * 200_000}},
        {"command": "true", "outputs": {"a" * 255: {"mode": "ReadWriteMount"}}},
        {"command": "true", "outputs": {"a": {"uri": f"{DATASTORE}/{'x' * 300}"}}},
    ],
    ids=["command", "variable", "output's name", "output's path"],
)
def test_what_no_machine_can_start_fails_its_job_alone(workspace: Workspace, properties: dict[str, Any]) -> None:
    wrong, right = workspace.submit(**properties), workspace.submit("true")

    assert workspace.wait_for(wrong) in ("Completed", "Failed")
    assert workspace.wait_for(right) == "Completed"


def test_a_job_of_an_unknown_size_is_refused(group: Group, workspace: Workspace) -> None:
    body = {"jobType": "Command", "command": "true", "resources": {"instanceType": "Standard_None"}}

    response = group.send("PUT", f"{workspace.path}/jobs/mine", {"properties": body})

    assert response.status_code == 400
    assert "there is no size 'Standard_None'; see vmSizes" in response.json()["error"]["message"]


def test_a_body_of_another_type_is_refused_and_not_stored(group: Group, workspace: Workspace) -> None:
    body = {"jobType": "Command", "command": "true", "experimentName": 5}

    response = group.send("PUT", f"{workspace.path}/jobs/mine", {"properties": body})

    assert response.status_code == 400
    assert "'properties.experimentName' of the request body is not valid" in response.json()["error"]["message"]
    assert group.get(f"{workspace.path}/jobs")["value"] == []


@pytest.mark.parametrize(
    ("type_", "kind", "uri"), [("uri_folder", "data", "dataUri"), ("mlflow_model", "models", "modelUri")]
)
def test_a_named_output_is_an_asset_once_the_job_has_completed(
    group: Group, workspace: Workspace, type_: str, kind: str, uri: str
) -> None:
    outputs = {"made": {"jobOutputType": type_, "assetName": "mine"}}

    failed = workspace.submit("echo 1 > ${{outputs.made}}/a.txt; exit 1", outputs=outputs)
    assert workspace.wait_for(failed) == "Failed"
    assert group.send("GET", f"{workspace.path}/{kind}/mine").status_code == 404
    job = workspace.submit("echo 2 > ${{outputs.made}}/a.txt", outputs=outputs)
    assert workspace.wait_for(job) == "Completed"

    asset = group.get(f"{workspace.path}/{kind}/mine/versions/1")["properties"]
    assert asset[uri].endswith(f"/datastores/workspaceblobstore/paths/azureml/{job.rpartition('/')[2]}/made/")
    reader = workspace.submit("cat ${{inputs.made}}/a.txt", inputs={
        "made": {"jobInputType": type_, "uri": f"{workspace.path}/{kind}/mine/versions/1"}})  # fmt: skip
    assert workspace.wait_for(reader) == "Completed"
    assert workspace.log(reader) == "2\n"
