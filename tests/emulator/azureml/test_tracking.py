"""Run history and MLflow's REST API, as plain HTTP."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.emulator.azureml.conftest import Group, until
from tests.emulator.azureml.test_jobs import Workspace

HOST = "https://eastus.api.azureml.ms"


class Tracking:
    """The data plane of one workspace."""

    def __init__(self, group: Group, path: str) -> None:
        self.group = group
        self.path = path

    def history(self, method: str, address: str, body: Any = None, **query: str) -> requests.Response:
        return self.group.send(method, f"{HOST}/history/v1.0{self.path}/{address}", body, api="v1.0", **query)

    def mlflow(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        return self.group.send(method, f"{HOST}/mlflow/v2.0{self.path}/api/2.0/mlflow/{path}", body, **query)

    def run(self, experiment: str = "exp") -> str:
        self.mlflow("POST", "experiments/create", {"name": experiment})
        document = self.mlflow("GET", "experiments/get-by-name", experiment_name=experiment).json()["experiment"]
        created = self.mlflow("POST", "runs/create", {"experiment_id": document["experiment_id"], "start_time": 1})
        identifier: str = created.json()["run"]["info"]["run_id"]
        return identifier

    def log(self, run: str, **metrics: float) -> None:
        for name, value in metrics.items():
            body = {"run_id": run, "key": name, "value": value, "timestamp": 1, "step": 0}
            assert self.mlflow("POST", "runs/log-metric", body).status_code == 200

    def search(self, **body: Any) -> list[str]:
        experiments = self.mlflow("GET", "experiments/search").json()["experiments"]
        criteria = {"experiment_ids": [experiment["experiment_id"] for experiment in experiments], **body}
        response = self.mlflow("POST", "runs/search", criteria)
        assert response.status_code == 200, response.text
        return [run["info"]["run_id"] for run in response.json()["runs"]]


@pytest.fixture
def workspace(group: Group, make_workspace: Callable[[], str]) -> Workspace:
    return Workspace(group, make_workspace())


@pytest.fixture
def tracking(group: Group, workspace: Workspace) -> Tracking:
    return Tracking(group, workspace.path)


def test_discovery_is_open_to_everybody(group: Group) -> None:
    response = group.session.get(f"{HOST}/discovery")

    assert response.json()["api"] == HOST


def test_everything_else_needs_a_token(group: Group, tracking: Tracking) -> None:
    response = group.session.get(f"{HOST}/history/v1.0{tracking.path}/runs/x")

    assert response.status_code == 401


def test_a_run_holds_what_was_logged_in_it(tracking: Tracking) -> None:
    run = tracking.run()
    points = [{"key": "loss", "value": value, "timestamp": 5, "step": step} for step, value in enumerate((3, 2, 1.5))]

    response = tracking.mlflow("POST", "runs/log-batch", {
        "run_id": run, "metrics": points, "params": [{"key": "lr", "value": "0.1"}],
        "tags": [{"key": "stage", "value": "test"}]})  # fmt: skip

    assert response.status_code == 200
    data = tracking.mlflow("GET", "runs/get", run_id=run).json()["run"]["data"]
    assert data["metrics"] == [{"key": "loss", "value": 1.5, "timestamp": 5, "step": 2}]
    assert data["params"] == [{"key": "lr", "value": "0.1"}]
    assert {"key": "stage", "value": "test"} in data["tags"]
    history = tracking.mlflow("GET", "metrics/get-history", run_id=run, metric_key="loss").json()["metrics"]
    assert [point["value"] for point in history] == [3, 2, 1.5]


def test_a_metric_may_be_not_finite(tracking: Tracking) -> None:
    run = tracking.run()

    for word in ("NaN", "Infinity", "-Infinity"):
        body = {"run_id": run, "key": word, "value": word, "timestamp": 1, "step": 0}
        assert tracking.mlflow("POST", "runs/log-metric", body).status_code == 200

    metrics = tracking.mlflow("GET", "runs/get", run_id=run).json()["run"]["data"]["metrics"]
    assert {point["key"]: point["value"] for point in metrics} == {
        "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity"}  # fmt: skip
    assert math.isnan(float(metrics[0]["value"])) or metrics[0]["key"] != "NaN"


def test_names_of_metrics_may_hold_slashes(tracking: Tracking) -> None:
    run = tracking.run()
    tracking.log(run, **{"val": 1.0, "val/loss": 2.0})

    history = tracking.mlflow("GET", "metrics/get-history", run_id=run, metric_key="val").json()["metrics"]
    assert [point["value"] for point in history] == [1.0]


def test_a_parameter_keeps_its_value(tracking: Tracking) -> None:
    run = tracking.run()
    tracking.mlflow("POST", "runs/log-parameter", {"run_id": run, "key": "lr", "value": "1"})

    again = tracking.mlflow("POST", "runs/log-parameter", {"run_id": run, "key": "lr", "value": "2"})

    assert again.status_code == 400
    assert again.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_run_outside_of_a_job_ends_when_its_client_says_so(tracking: Tracking) -> None:
    run = tracking.run()
    tracking.mlflow("POST", "runs/update", {"run_id": run, "status": "FINISHED", "end_time": 2})

    assert tracking.mlflow("GET", "runs/get", run_id=run).json()["run"]["info"]["status"] == "FINISHED"
    assert tracking.history("GET", f"runs/{run}").json()["status"] == "Completed"


def test_runs_are_searched_by_filter_and_order(tracking: Tracking) -> None:
    runs = [tracking.run() for _ in range(3)]
    for run, loss in zip(runs, (0.3, 0.1, 0.2), strict=True):
        tracking.log(run, loss=loss)
    tracking.mlflow("POST", "runs/set-tag", {"run_id": runs[0], "key": "stage", "value": "alpha"})

    assert tracking.search(order_by=["metrics.loss ASC"]) == [runs[1], runs[2], runs[0]]
    assert tracking.search(order_by=["metrics.loss DESC"]) == [runs[0], runs[2], runs[1]]
    assert tracking.search(filter="metrics.loss < 0.25", order_by=["metrics.loss"]) == [runs[1], runs[2]]
    assert tracking.search(filter="metrics.loss >= 0.2 and tags.stage LIKE 'al%'") == [runs[0]]
    assert tracking.search(filter="attributes.status = 'FINISHED'") == []


@pytest.mark.parametrize(
    "text", ["metrics.loss <", "what.is = '1'", "metrics.loss < 'a'", "metrics.a = 1 metrics.b = 2"]
)
def test_a_wrong_filter_is_refused(tracking: Tracking, text: str) -> None:
    response = tracking.mlflow("POST", "runs/search", {"experiment_ids": [], "filter": text})

    assert response.status_code == 400
    assert response.json()["message"].startswith("Invalid filter: ")


def test_a_deleted_run_is_seen_only_where_it_is_asked_for(tracking: Tracking) -> None:
    run = tracking.run()
    tracking.mlflow("POST", "runs/delete", {"run_id": run})

    assert tracking.search() == []
    assert tracking.search(run_view_type="DELETED_ONLY") == [run]
    tracking.mlflow("POST", "runs/restore", {"run_id": run})
    assert tracking.search() == [run]


def test_an_artifact_is_uploaded_by_a_link_and_listed(group: Group, tracking: Tracking) -> None:
    run = tracking.run()
    below = f"experiments/exp/runs/{run}/artifacts"

    links = tracking.history("POST", f"{below}/batch/metadata", {"paths": [{"path": "plots/a.txt"}]}).json()
    link = links["artifactContentInformation"]["plots/a.txt"]["contentUri"]
    headers = {"x-ms-blob-type": "BlockBlob"}
    group.session.put(link, data=b"hello", headers=headers).raise_for_status()

    assert [artifact["path"] for artifact in tracking.history("GET", below).json()["value"]] == ["plots/a.txt"]
    read = tracking.history("GET", f"{below}/contentinfo", path="plots/a.txt").json()["contentUri"]
    assert group.session.get(read).content == b"hello"
    files = tracking.mlflow("GET", "artifacts/list", run_id=run).json()["files"]
    assert files == [{"path": "plots", "is_dir": True}]


def test_an_artifact_does_not_leave_its_run(tracking: Tracking) -> None:
    run = tracking.run()

    response = tracking.history("POST", f"experiments/exp/runs/{run}/artifacts/batch/metadata",
                              {"paths": [{"path": "../dcid.other/a.txt"}]})  # fmt: skip

    assert response.status_code == 400


def test_a_job_logs_in_its_own_run_with_its_own_token(workspace: Workspace, tracking: Tracking) -> None:
    script = (
        "import json, os, urllib.request as r\n"
        "base = os.environ['AZUREML_SERVICE_ENDPOINT'] + '/mlflow/v2.0' + os.environ['AZUREML_WORKSPACE_SCOPE']\n"
        "body = {'run_id': os.environ['MLFLOW_RUN_ID'], 'key': 'loss', 'value': 0.5, 'timestamp': 1, 'step': 3}\n"
        "q = r.Request(base + '/api/2.0/mlflow/runs/log-metric', json.dumps(body).encode(),\n"
        "    {'Authorization': 'Bearer ' + os.environ['AZUREML_RUN_TOKEN'], 'Content-Type': 'application/json'})\n"
        "print(r.urlopen(q).status)\n"
    )
    job = workspace.submit("printf '%s' \"$SCRIPT\" > a.py && python3 a.py", environmentVariables={"SCRIPT": script})

    assert workspace.wait_for(job) == "Completed", workspace.log(job)
    name = job.rpartition("/")[2]
    run = tracking.mlflow("GET", "runs/get", run_id=name).json()["run"]
    assert run["data"]["metrics"] == [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 3}]
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["artifact_uri"].endswith(f"/experiments/Default/runs/{name}/artifacts")


def test_the_details_of_a_job_link_to_its_logs(group: Group, workspace: Workspace, tracking: Tracking) -> None:
    job = workspace.submit("echo hello; exit 4")
    workspace.wait_for(job)

    details = tracking.history("GET", f"runs/{job.rpartition('/')[2]}/details").json()

    assert group.session.get(details["logFiles"]["user_logs/std_log.txt"]).text == "hello\n"
    assert "exited with status code 4" in details["error"]["error"]["message"]
    assert details["status"] == "Failed"


def test_a_job_is_archived_by_its_run(group: Group, workspace: Workspace, tracking: Tracking) -> None:
    job = workspace.submit("true")
    name = job.rpartition("/")[2]

    tracking.history("PATCH", f"experiments/Default/runs/{name}", {"hidden": True, "displayName": "better"})

    assert group.get(f"{workspace.path}/jobs") == {"value": []}
    assert group.get(job)["properties"]["displayName"] == "better"
    until(lambda: len(group.get(f"{workspace.path}/jobs", listViewType="ArchivedOnly")["value"]) == 1)


def test_the_named_outputs_of_a_job_are_resolved(group: Group, workspace: Workspace, tracking: Tracking) -> None:
    job = workspace.submit("echo m > ${{outputs.model}}/m", outputs={"model": {}})
    workspace.wait_for(job)
    name = job.rpartition("/")[2]

    outputs = tracking.history("POST", "rundata", {"runId": name}).json()["runMetadata"]["outputs"]
    asset = outputs["model"]["assetId"]
    url = f"{HOST}/data/v1.0{tracking.path}/dataversion/batchGetResolvedUris"
    uris = group.send("POST", url, {"values": [asset]}, api="1.5.0").json()["values"]

    assert uris[asset]["uri"].endswith(f"/datastores/workspaceblobstore/paths/azureml/{name}/model/")


def test_runs_are_numbered_whether_a_job_began_them_or_not(
    group: Group, workspace: Workspace, tracking: Tracking
) -> None:
    def number(run: str) -> int:
        run_number: int = tracking.history("GET", f"runs/{run}").json()["runNumber"]
        return run_number

    first, run, last = (workspace.submit("true").rpartition("/")[2], tracking.run(),
                        workspace.submit("true").rpartition("/")[2])  # fmt: skip
    refused = group.send("PUT", f"{workspace.path}/jobs/none", {"properties": {"jobType": "Command"}})

    assert refused.status_code == 400
    assert [number(name) for name in (first, run, last)] == [1, 2, 3]
    assert workspace.wait_for(f"{workspace.path}/jobs/{last}") == "Completed"
    group.send("DELETE", f"{workspace.path}/jobs/{last}")
    assert number(workspace.submit("true").rpartition("/")[2]) == 4


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("execution/v1.0{workspace}/experiments/demo_experiment/startrun", "SDK v1"),
        ("execution/v1.0{workspace}/experiments/demo_experiment/snapshotrun", "SDK v1"),
        ("hyperdrive/v1.0{workspace}/experiments/demo_experiment/runs", "HyperDrive"),
        ("datastore/v1.0{workspace}/datastores", "Resource Manager"),
    ],
)
def test_services_of_the_sdk_v1_are_refused_by_name(tracking: Tracking, address: str, word: str) -> None:
    response = tracking.group.send("POST", f"{HOST}/{address.format(workspace=tracking.path)}", {})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "NotServed"
    assert word in response.json()["error"]["message"]


def test_the_model_registry_of_mlflow_is_refused_by_name(tracking: Tracking) -> None:
    response = tracking.mlflow("POST", "registered-models/create", {"name": "digits"})

    assert response.status_code == 501
    assert response.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "MLClient.models" in response.json()["message"]


def test_an_address_that_no_service_has_is_not_found(tracking: Tracking) -> None:
    assert tracking.group.send("GET", f"{HOST}/nothing/v1.0{tracking.path}").status_code == 404
    assert tracking.mlflow("GET", "nothing").status_code == 404
