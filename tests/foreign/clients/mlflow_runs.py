"""MLflow on Azure Machine Learning: with its plugin outside and inside of a job, and without the plugin."""
# ruff: noqa: T201

import os
import shlex
import sys
import time
import uuid

import mlflow
import requests

IN_JOB = "import mlflow; mlflow.start_run(); mlflow.log_metric('loss', 0.25, step=7); mlflow.end_run()"
ARM = "https://management.azure.com"


def log_run(experiment: str) -> None:
    """Log a run as MLflow's quickstart does."""
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"x": 1.0, "y": 2.0}, step=2)
        mlflow.log_params({"lr": 0.1})
        mlflow.set_tag("stage", "test")
    logged_run = mlflow.get_run(run.info.run_id)
    print(
        experiment,
        logged_run.info.status,
        logged_run.data.metrics,
        logged_run.data.params,
        logged_run.data.tags["stage"],
    )
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    print(experiment, [(point.step, point.value) for point in history])
    print(experiment, len(mlflow.search_runs(experiment_names=[experiment], output_format="list")))


def token() -> str:
    """Return a token of the application, requested by plain HTTP."""
    form = {"grant_type": "client_credentials", "client_id": os.environ["AZURE_CLIENT_ID"],
            "client_secret": os.environ["AZURE_CLIENT_SECRET"], "resource": f"{ARM}/"}  # fmt: skip
    url = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/oauth2/token"
    return str(requests.post(url, data=form, timeout=60).json()["access_token"])


def run_job(bearer: str) -> str:
    """Run a job whose script logs by MLflow; returns its name."""
    workspace = os.environ["MLFLOW_TRACKING_URI"].partition("/mlflow/v1.0")[2]
    name = f"job{uuid.uuid4().hex[:8]}"
    url, version = f"{ARM}{workspace}/jobs/{name}", {"api-version": "2025-09-01"}
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(IN_JOB)}"
    headers = {"Authorization": f"Bearer {bearer}"}
    body = {"properties": {"jobType": "Command", "command": command}}
    requests.put(url, json=body, headers=headers, params=version, timeout=60).raise_for_status()
    while True:
        status = requests.get(url, headers=headers, params=version, timeout=60).json()["properties"]["status"]
        if status in ("Completed", "Failed", "Canceled"):
            print("job", status)
            return name
        time.sleep(0.2)


log_run("plugin")
with mlflow.start_run() as artifacts:
    mlflow.log_text("hello", "note.txt")
print("artifact", mlflow.artifacts.load_text(f"runs:/{artifacts.info.run_id}/note.txt"))
bearer = token()
print("in job", mlflow.get_run(run_job(bearer)).data.metrics)

os.environ["MLFLOW_TRACKING_TOKEN"] = bearer
mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://"))
log_run("plain")
