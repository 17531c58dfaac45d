"""The artifacts of runs: blobs of the workspace's artifact container, below the run's own folder."""

from pathlib import Path, PurePosixPath
from typing import Any

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.data_plane.artifact_files import file_names, folder_sizes
from harness.emulator.providers.azureml.data_plane.bodies import ArtifactsBody, history_body
from harness.emulator.providers.azureml.data_plane.errors import DataPlaneError
from harness.emulator.providers.azureml.data_plane.runs import Runs
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.job import artifact_folder
from harness.emulator.providers.azureml.model.run import artifact_path
from harness.emulator.providers.azureml.rules.queries import read_number
from harness.emulator.storage_service import Accounts
from harness.emulator.wire import json_response

_CONTAINER = "azureml"
_MINUTES = 60  # validity of a link to an artifact
_PAGE_SIZE = 500  # artifacts on a page
_LOGS = ("user_logs", "system_logs", "logs")


class Artifacts:
    """The operations on artifacts in run history.

    Args:
        accounts: the storage accounts that hold the containers and sign links to them.
    """

    def __init__(self, service: Service, runs: Runs, accounts: Accounts) -> None:
        self._service = service
        self._runs = runs
        self._accounts = accounts

    def log_links(self, workspace: Workspace, run: str) -> dict[str, str]:
        """The links to read the logs of a run, by the names of the logs."""
        names = [name for name in self.names(workspace, run) if name.split("/")[0] in _LOGS]
        return {name: self._link(workspace, run, name, "r") for name in names}

    def names(self, workspace: Workspace, run: str) -> list[str]:
        """The names of a run's artifacts."""
        root = self._root(workspace, run)
        return file_names(root) if root else []

    def sizes(self, workspace: Workspace, run: str, folder: str) -> list[tuple[str, int | None]]:
        """The entries of a folder of a run: files with their sizes, folders with None."""
        root = self._root(workspace, run)
        return folder_sizes(root, _check_path(folder)) if root else []

    def create(self, request: Request) -> Response:
        """Create links to upload artifacts of given names."""
        workspace, run = self._resolve(request)
        paths = [artifact.path for artifact in history_body(request, ArtifactsBody).paths]
        information = {path: self._document(run, path) | {
            "contentUri": self._link(workspace, run, path, "rcw")} for path in paths}  # fmt: skip
        artifacts = {path: self._document(run, path) for path in paths}
        return json_response(200, {"artifacts": artifacts, "artifactContentInformation": information, "errors": {}})

    def list(self, request: Request) -> Response:
        """The artifacts of a run, in pages."""
        workspace, run = self._resolve(request)
        first = read_number(request.query.get("continuationtoken", ""), 0)
        names = self.names(workspace, run)
        documents = [self._document(run, name) for name in names[first : first + _PAGE_SIZE]]
        next_token = str(first + _PAGE_SIZE) if first + _PAGE_SIZE < len(names) else None
        return json_response(200, {"value": documents, "continuationToken": next_token, "nextLink": None})

    def list_by_path(self, request: Request) -> Response:
        """The artifacts of a run below a path."""
        workspace, run = self._resolve(request)
        folder = request.query.get("path", "").strip("/")
        names = [name for name in self.names(workspace, run) if name == folder or name.startswith(f"{folder}/")]
        return json_response(200, {"value": [self._document(run, name) for name in names],
                                   "continuationToken": None, "nextLink": None})  # fmt: skip

    def content(self, request: Request) -> Response:
        """A link to read one artifact."""
        workspace, run = self._resolve(request)
        path = request.query.get("path", "")
        return json_response(200, self._document(run, path) | {"contentUri": self._link(workspace, run, path, "r")})

    def contents(self, request: Request) -> Response:
        """A link to read each artifact below a path."""
        workspace, run = self._resolve(request)
        folder = request.query.get("path", "").strip("/")
        names = [name for name in self.names(workspace, run) if not folder or name.startswith(f"{folder}/")]
        documents = [
            self._document(run, name) | {"contentUri": self._link(workspace, run, name, "r")} for name in names
        ]
        return json_response(200, {"value": documents, "continuationToken": None, "nextLink": None})

    def _resolve(self, request: Request) -> tuple[Workspace, str]:
        params = request.params
        workspace = self._runs.workspace(params["subscription"], params["group"], params["workspace"])
        if workspace is None or self._runs.find(workspace, params["run"]) is None:
            raise DataPlaneError(404, "NotFound", f"Run {params['run'][:80]} was not found.")
        return workspace, params["run"]

    def _root(self, workspace: Workspace, run: str) -> Path | None:
        container = self._accounts.container_directory(self._service.details(workspace).account, _CONTAINER)
        return container / artifact_folder(run) if container else None

    def _link(self, workspace: Workspace, run: str, path: str, permissions: str) -> str:
        blob, account = artifact_path(run, str(_check_path(path))), self._service.details(workspace).account
        if self._accounts.get(account) is None:
            raise DataPlaneError(409, "UserError", f"The storage account {account} of the workspace was deleted.")
        return self._accounts.blob_link(account, _CONTAINER, blob, permissions=permissions, minutes=_MINUTES)

    @staticmethod
    def _document(run: str, path: str) -> dict[str, Any]:
        return {
            "artifactId": f"ExperimentRun/dcid.{run}/{path}",
            "origin": "ExperimentRun",
            "container": f"dcid.{run}",
            "path": path,
            "etag": None,
            "createdTime": None,
            "dataPath": None,
            "tags": {},
        }


def _check_path(path: str) -> PurePosixPath:
    """The relative path of an artifact in the folder of its run.

    Raises:
        DataPlaneError: the path leaves the folder.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path:
        raise DataPlaneError(400, "BadRequest", f"The artifact path {path[:80]!r} leaves the run.")
    return relative
