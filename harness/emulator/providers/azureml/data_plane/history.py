"""Run history: shows and changes runs, with links to their logs."""

from typing import Any

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.data_plane.artifacts import Artifacts
from harness.emulator.providers.azureml.data_plane.bodies import RunBody, UrisBody, history_body
from harness.emulator.providers.azureml.data_plane.errors import DataPlaneError
from harness.emulator.providers.azureml.data_plane.runs import Runs
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.launch import output_uri
from harness.emulator.providers.azureml.model.documents import format_time
from harness.emulator.providers.azureml.model.job import RunExperiment
from harness.emulator.providers.azureml.model.run import Run, details_document, history_document
from harness.emulator.providers.azureml.rules.assets import long_uri
from harness.emulator.providers.azureml.rules.body_reading import read_texts
from harness.emulator.providers.azureml.run_tokens import LIFETIME, RunTokens
from harness.emulator.wire import json_response


class History:
    """The operations of run history.

    Args:
        tokens: issues the tokens that jobs renew here.
    """

    def __init__(self, service: Service, runs: Runs, artifacts: Artifacts, tokens: RunTokens) -> None:
        self._service = service
        self._runs = runs
        self._artifacts = artifacts
        self._tokens = tokens

    def details(self, request: Request) -> Response:
        """A run with links to its logs."""
        workspace, run = self._resolve(request)
        logs = self._artifacts.log_links(workspace, run.id)
        return json_response(200, details_document(run, logs, by=self._service.author))

    def get(self, request: Request) -> Response:
        """A run."""
        return json_response(200, self._document(*self._resolve(request)))

    def token(self, request: Request) -> Response:
        """A run with a new token for its job."""
        workspace, run = self._resolve(request)
        token, _ = self._tokens.issue(workspace.key, run.id)
        expiry = format_time(self._service.now() + LIFETIME)
        return json_response(200, self._document(workspace, run) | {"token": token, "tokenExpiryTimeUtc": expiry})

    def children(self, request: Request) -> Response:
        """The children of a run: command jobs have none."""
        self._resolve(request)
        return json_response(200, {"value": [], "continuationToken": None, "nextLink": None})

    def data(self, request: Request) -> Response:
        """A run with its definition and settings, which are empty, and the asset ids of its named outputs."""
        workspace = self._workspace(request)
        run = self._find(workspace, history_body(request, RunBody).run_id or "")
        metadata = self._document(workspace, run)
        if run.details and run.is_terminal:
            metadata["outputs"] = {name: self._asset(workspace, run, name) for name in run.details.outputs} or None
        return json_response(200, {
            "runMetadata": metadata, "runDefinition": {}, "jobSpecification": None, "systemSettings": None,
        })  # fmt: skip

    def resolve_uris(self, request: Request) -> Response:
        """The uris of the named outputs of runs, by the ids of their assets."""
        workspace = self._workspace(request)
        uris: dict[str, Any] = {}
        for identifier in history_body(request, UrisBody).values or ():
            suffix = identifier.rpartition("/data/azureml_")[2].partition("/versions/")[0]
            job, _, name = suffix.partition("_output_data_")
            run = self._runs.find(workspace, job)
            if run and run.details and name in run.details.outputs:
                uri = long_uri(output_uri(run.details, name), workspace)
                uris[identifier] = {"uri": uri, "type": "uri_folder", "legacyDatasetType": None}
        return json_response(200, {"values": uris})

    def update(self, request: Request) -> Response:
        """Change a run: its names, tags and properties, and whether it is hidden."""
        workspace, run = self._resolve(request)
        body = history_body(request, RunBody)
        if body.hidden is not None or body.display_name:
            self._runs.update(workspace, run, is_hidden=body.hidden, name=body.display_name or "")
            run = self._find(workspace, run.id)
        if body.description is not None:
            self._runs.describe(run, body.description)
        tags, properties = read_texts(body.tags), read_texts(body.properties)
        if tags or properties:
            self._runs.label(workspace, run, tags=tags, properties=properties)
        return json_response(200, self._document(workspace, self._find(workspace, run.id)))

    def query_runs(self, request: Request) -> Response:
        """The runs of an experiment."""
        workspace, name = self._workspace(request), request.params["experiment"]
        runs: list[Any] = [
            self._document(workspace, run) for run in self._runs.list_runs(workspace) if run.experiment == name
        ]
        return json_response(200, {"value": runs, "continuationToken": None, "nextLink": None})

    def query_experiments(self, request: Request) -> Response:
        """The experiments of a workspace."""
        workspace = self._workspace(request)
        experiments = [_experiment(experiment) for experiment in self._runs.experiments(workspace)]
        return json_response(200, {"value": experiments, "continuationToken": None, "nextLink": None})

    def _asset(self, workspace: Workspace, run: Run, name: str) -> dict[str, str]:
        identifier = self._service.details(workspace).workspace_id
        asset = f"azureml_{run.id}_output_data_{name}"
        base = f"azureml://locations/{workspace.location}/workspaces/{identifier}"
        return {"assetId": f"{base}/data/{asset}/versions/1", "type": "uri_folder"}

    def _document(self, workspace: Workspace, run: Run) -> dict[str, Any]:
        experiment = self._runs.experiment_id(workspace, run.experiment)
        return history_document(run, experiment, by=self._service.author, tenant=self._service.identity.tenant_id)

    def _resolve(self, request: Request) -> tuple[Workspace, Run]:
        workspace = self._workspace(request)
        return workspace, self._find(workspace, request.params["run"])

    def _find(self, workspace: Workspace, name: str) -> Run:
        run = self._runs.find(workspace, name)
        if run is None:
            raise DataPlaneError(404, "UserError", f"Run {name[:80]} not found.")
        return run

    def _workspace(self, request: Request) -> Workspace:
        params = request.params
        workspace = self._runs.workspace(params["subscription"], params["group"], params["workspace"])
        if workspace is None:
            raise DataPlaneError(404, "UserError", f"Workspace {params['workspace'][:80]} not found.")
        return workspace


def _experiment(experiment: RunExperiment) -> dict[str, Any]:
    return {
        "experimentId": experiment.id,
        "name": experiment.name,
        "description": None,
        "createdUtc": format_time(experiment.created),
        "tags": {},
        "archivedTime": None,
        "artifactLocation": None,
    }
