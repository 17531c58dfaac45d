"""The operations of the data plane that the emulator plays."""

from harness.emulator.providers.azureml.data_plane.artifacts import Artifacts
from harness.emulator.providers.azureml.data_plane.history import History
from harness.emulator.providers.azureml.data_plane.mlflow import Mlflow
from harness.emulator.routing import Handler, Route

_WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
    "/workspaces/{workspace}"
)
_HISTORY = f"/history/v1.0{_WORKSPACE}"
_VERSIONS = ("v1.0", "v2.0")  # versions of MLflow's API in the uris that clients use


def data_plane_routes(history: History, mlflow: Mlflow, artifacts: Artifacts) -> tuple[Route, ...]:
    """The routes of the data plane."""
    resolve = f"/data/v1.0{_WORKSPACE}/dataversion/batchGetResolvedUris"
    return (
        *_history_routes(history),
        *_artifact_routes(artifacts),
        *(route for version in _VERSIONS for route in _mlflow_routes(mlflow, version)),
        Route("POST", resolve, "DataVersion_BatchGetResolvedUris", history.resolve_uris),
    )


def _history_routes(history: History) -> tuple[Route, ...]:
    run = _HISTORY + "/runs/{run}"
    run_in_experiment = _HISTORY + "/experiments/{experiment}/runs/{run}"
    run_by_experiment_id = _HISTORY + "/experimentids/{experiment}/runs/{run}"
    return (
        Route("GET", run, "Run_Get", history.get),
        Route("GET", run + "/details", "Run_GetDetails", history.details),
        Route("GET", run + "/children", "Run_GetChildren", history.children),
        Route("POST", _HISTORY + "/rundata", "Run_GetData", history.data),
        Route("GET", run_in_experiment, "Runs_Get", history.get),
        Route("PATCH", run_in_experiment, "Runs_Update", history.update),
        Route("PATCH", run, "Run_Update", history.update),
        Route("GET", run_in_experiment + "/details", "Runs_GetDetails", history.details),
        Route("GET", run_in_experiment + "/token", "Runs_GetToken", history.token),
        Route("GET", run_by_experiment_id + "/token", "Runs_GetTokenById", history.token),
        Route("POST", _HISTORY + "/experiments/{experiment}/runs:query", "Runs_Query", history.query_runs),
        Route("POST", _HISTORY + "/experiments:query", "Experiments_Query", history.query_experiments),
    )


def _artifact_routes(artifacts: Artifacts) -> tuple[Route, ...]:
    below = _HISTORY + "/experiments/{experiment}/runs/{run}/artifacts"
    return (
        Route("POST", below + "/batch/metadata", "RunArtifacts_BatchCreate", artifacts.create),
        Route("GET", below, "RunArtifacts_List", artifacts.list),
        Route("GET", below + "/path", "RunArtifacts_ListInPath", artifacts.list_by_path),
        Route("GET", below + "/contentinfo", "RunArtifacts_GetContentInformation", artifacts.content),
        Route("GET", below + "/prefix/contentinfo", "RunArtifacts_ListSasByPrefix", artifacts.contents),
    )


def _mlflow_routes(mlflow: Mlflow, version: str) -> list[Route]:
    base = f"/mlflow/{version}{_WORKSPACE}/api/2.0/mlflow"
    table: list[tuple[str, str, Handler]] = [
        ("POST", "experiments/create", mlflow.create_experiment),
        ("GET", "experiments/get", mlflow.get_experiment),
        ("GET", "experiments/get-by-name", mlflow.get_experiment_by_name),
        ("GET", "experiments/search", mlflow.search_experiments),
        ("POST", "experiments/search", mlflow.search_experiments),
        ("POST", "runs/create", mlflow.create_run),
        ("GET", "runs/get", mlflow.get_run),
        ("POST", "runs/update", mlflow.update_run),
        ("POST", "runs/delete", mlflow.delete_run),
        ("POST", "runs/restore", mlflow.restore_run),
        ("POST", "runs/search", mlflow.search_runs),
        ("POST", "runs/log-metric", mlflow.log_metric),
        ("POST", "runs/log-parameter", mlflow.log_parameter),
        ("POST", "runs/log-batch", mlflow.log_batch),
        ("POST", "runs/set-tag", mlflow.set_tag),
        ("POST", "runs/delete-tag", mlflow.delete_tag),
        ("POST", "runs/log-inputs", mlflow.accept),
        ("POST", "runs/log-model", mlflow.accept),
        ("POST", "runs/outputs", mlflow.accept),
        ("GET", "metrics/get-history", mlflow.history),
        ("GET", "artifacts/list", mlflow.list_artifacts),
    ]
    return [Route(method, f"{base}/{path}", f"Mlflow_{path}", handler) for method, path, handler in table]
