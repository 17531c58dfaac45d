"""Experiments and runs as MLflow's REST API shows them."""

from typing import Any

from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.data_plane.filters import Entity
from harness.emulator.providers.azureml.data_plane.runs import Runs
from harness.emulator.providers.azureml.model.job import RunExperiment
from harness.emulator.providers.azureml.model.run import Run
from harness.emulator.providers.azureml.model.workspace import api_host


def experiment_document(experiment: RunExperiment) -> dict[str, Any]:
    """An experiment; every experiment is active."""
    created = int(experiment.created.timestamp() * 1000)
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "artifact_location": "",
        "lifecycle_stage": "active",
        "creation_time": created,
        "last_update_time": created,
        "tags": [],
    }


class RunDocuments:
    """The documents of runs, with their metrics, parameters and tags."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def run(self, workspace: Workspace, run: Run) -> dict[str, Any]:
        """A run with the last value of each metric, its parameters and its tags."""
        tags = {"mlflow.rootRunId": run.id, "mlflow.runName": run.display_name, **run.tags}
        return {
            "info": self.info(workspace, run),
            "data": {
                "metrics": [point.document() for point in self._runs.metrics(workspace, run.id)],
                "params": [
                    {"key": parameter.name, "value": parameter.value}
                    for parameter in self._runs.parameters(workspace, run.id)
                ],
                "tags": [{"key": name, "value": value} for name, value in tags.items()],
            },
        }

    def info(self, workspace: Workspace, run: Run) -> dict[str, Any]:
        """The name, status and times of a run; times are in milliseconds."""
        started = run.started or run.created
        info: dict[str, Any] = {
            "run_uuid": run.id,
            "run_id": run.id,
            "run_name": run.display_name,
            "experiment_id": self._runs.experiment_id(workspace, run.experiment),
            "user_id": "",
            "status": run.mlflow_status,
            "start_time": int(started.timestamp() * 1000),
            "artifact_uri": self.root(workspace, run),
            "lifecycle_stage": "deleted" if run.is_hidden else "active",
        }
        if run.ended:
            info["end_time"] = int(run.ended.timestamp() * 1000)
        return info

    @staticmethod
    def root(workspace: Workspace, run: Run) -> str:
        """The uri of a run's artifacts, from which azureml-mlflow reads the experiment and the run."""
        base = f"azureml://{api_host(workspace.location)}/mlflow/v2.0{workspace.address.id('workspace')}"
        return f"{base}/experiments/{run.experiment}/runs/{run.id}/artifacts"

    def entity(self, workspace: Workspace, run: Run) -> Entity:
        """The values of a run that filters and orders can name."""
        started = run.started or run.created
        entity: dict[str, str | float | None] = {
            "attributes.status": run.mlflow_status,
            "attributes.run_id": run.id,
            "attributes.run_name": run.display_name,
            "attributes.start_time": started.timestamp() * 1000,
            "attributes.end_time": run.ended.timestamp() * 1000 if run.ended else None,
        }
        entity |= {f"tags.{name}": value for name, value in run.tags.items()}
        entity |= {
            f"params.{parameter.name}": parameter.value for parameter in self._runs.parameters(workspace, run.id)
        }
        return entity | {f"metrics.{point.name}": point.number for point in self._runs.metrics(workspace, run.id)}
