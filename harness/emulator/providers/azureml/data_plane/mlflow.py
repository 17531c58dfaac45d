"""MLflow's REST API for tracking, as MLflow documents it (mlflow.org/docs/latest/rest-api.html)."""

from collections.abc import Sequence
from typing import Any

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.data_plane.artifacts import Artifacts
from harness.emulator.providers.azureml.data_plane.bodies import MlflowBody, MlflowLabel, MlflowMetric, mlflow_body
from harness.emulator.providers.azureml.data_plane.errors import MlflowError, bad_parameter, not_found
from harness.emulator.providers.azureml.data_plane.filters import (
    Entity,
    FilterError,
    is_descending,
    parse_filter,
    parse_order,
)
from harness.emulator.providers.azureml.data_plane.mlflow_documents import RunDocuments, experiment_document
from harness.emulator.providers.azureml.data_plane.runs import Runs
from harness.emulator.providers.azureml.model.run import MetricPoint, Run, service_status
from harness.emulator.providers.azureml.rules.queries import read_number
from harness.emulator.wire import json_response

_PAGE, _MOST = 1000, 50_000
_MOST_IN_BATCH = {"metrics": 1000, "params": 100, "tags": 100}  # MLflow's own limits
_LONGEST_PARAMETER = 6000  # characters of a value
_INT64_LIMIT = 1 << 63  # the first number that needs more than 64 bits


class Mlflow:
    """The operations of MLflow's tracking server."""

    def __init__(self, runs: Runs, artifacts: Artifacts) -> None:
        self._runs = runs
        self._artifacts = artifacts
        self._documents = RunDocuments(runs)

    # Experiments

    def create_experiment(self, request: Request) -> Response:
        """Create an experiment."""
        workspace, body = self._workspace(request), mlflow_body(request)
        name = _required("name", body.name)
        if self._runs.experiment(workspace, name):
            raise MlflowError(400, "RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
        return json_response(200, {"experiment_id": self._runs.ensure_experiment(workspace, name).id})

    def get_experiment(self, request: Request) -> Response:
        """The experiment of an id."""
        workspace, identifier = self._workspace(request), request.query.get("experiment_id", "")
        experiment = self._runs.experiment_by_id(workspace, identifier)
        if experiment is None:
            raise not_found("Experiment", identifier)
        return json_response(200, {"experiment": experiment_document(experiment)})

    def get_experiment_by_name(self, request: Request) -> Response:
        """The experiment of a name."""
        workspace, name = self._workspace(request), request.query.get("experiment_name", "")
        experiment = self._runs.experiment(workspace, name)
        if experiment is None:
            raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{name}'")
        return json_response(200, {"experiment": experiment_document(experiment)})

    def search_experiments(self, request: Request) -> Response:
        """The experiments that match a filter."""
        workspace = self._workspace(request)
        text = mlflow_body(request).filter if request.method == "POST" else request.query.get("filter")
        clauses = _parse_filter(text or "")
        experiments = [
            experiment
            for experiment in self._runs.experiments(workspace)
            if all(clause.holds({"attributes.name": experiment.name}) for clause in clauses)
        ]
        return json_response(200, {"experiments": [experiment_document(experiment) for experiment in experiments]})

    # Runs

    def create_run(self, request: Request) -> Response:
        """Start a run outside of a job."""
        workspace, body = self._workspace(request), mlflow_body(request)
        experiment = self._runs.experiment_by_id(workspace, body.experiment_id or "")
        if experiment is None:
            raise not_found("Experiment", body.experiment_id or "")
        tags = _labels_by_key(body.tags)
        name = body.run_name or tags.get("mlflow.runName") or ""
        run = self._runs.start(workspace, experiment.name, name)
        self._runs.label(workspace, run, tags=tags)
        return self._run(workspace, run.id)

    def get_run(self, request: Request) -> Response:
        """A run with its metrics, parameters and tags."""
        return self._run(self._workspace(request), request.query.get("run_id") or request.query.get("run_uuid", ""))

    def update_run(self, request: Request) -> Response:
        """Change the status or the name of a run; the service decides on the status of a job."""
        workspace, run, body = self._resolve(request)
        status = service_status(body.status) if body.status else ""
        if status is None:
            raise bad_parameter(f"there is no status {str(body.status)[:40]!r}")
        self._runs.update(workspace, run, status=status, name=body.run_name or "")
        return json_response(200, {"run_info": self._documents.info(workspace, self._find(workspace, run.id))})

    def delete_run(self, request: Request) -> Response:
        """Mark a run as deleted."""
        workspace, run, _ = self._resolve(request)
        self._runs.update(workspace, run, is_hidden=True)
        return json_response(200, {})

    def restore_run(self, request: Request) -> Response:
        """Remove the mark of a deleted run."""
        workspace, run, _ = self._resolve(request)
        self._runs.update(workspace, run, is_hidden=False)
        return json_response(200, {})

    def search_runs(self, request: Request) -> Response:
        """The runs of experiments that match a filter, in order."""
        workspace, body = self._workspace(request), mlflow_body(request)
        experiment_ids = set(body.experiment_ids or ())
        names = {experiment.name for experiment in self._runs.experiments(workspace) if experiment.id in experiment_ids}
        view = (body.run_view_type or "ACTIVE_ONLY").upper()
        clauses = _parse_filter(body.filter or "")
        matches: list[tuple[Run, Entity]] = []
        for run in self._runs.list_runs(workspace):
            is_in_view = view == "ALL" or run.is_hidden == (view == "DELETED_ONLY")
            if run.experiment not in names or not is_in_view:
                continue
            entity = self._documents.entity(workspace, run) if clauses or body.order_by else {}
            if all(clause.holds(entity) for clause in clauses):
                matches.append((run, entity))
        for order in reversed(body.order_by or []):
            matches = _sort_runs(matches, order)
        size, first = _page(body.max_results, body.page_token)
        documents = [self._documents.run(workspace, run) for run, _ in matches[first : first + size]]
        response: dict[str, Any] = {"runs": documents}
        if first + size < len(matches):
            response["next_page_token"] = str(first + size)
        return json_response(200, response)

    # Metrics, parameters, tags and artifacts

    def log_metric(self, request: Request) -> Response:
        """Log one value."""
        workspace, run, body = self._resolve(request)
        point = MlflowMetric(body.key, body.value, body.timestamp, body.step)
        self._runs.log(workspace, run.id, [_point(point, self._runs.now_in_milliseconds())])
        return json_response(200, {})

    def log_parameter(self, request: Request) -> Response:
        """Log one parameter."""
        workspace, run, body = self._resolve(request)
        self._log_parameters(workspace, run, {_required("key", body.key): _text(body.value)})
        return json_response(200, {})

    def log_batch(self, request: Request) -> Response:
        """Log metrics, parameters and tags together."""
        workspace, run, body = self._resolve(request)
        metrics, parameters, tags = body.metrics or [], body.params or [], body.tags or []
        for member, count in (("metrics", len(metrics)), ("params", len(parameters)), ("tags", len(tags))):
            if count > _MOST_IN_BATCH[member]:
                raise bad_parameter(f"a batch has at most {_MOST_IN_BATCH[member]} {member}")
        now = self._runs.now_in_milliseconds()
        points = [_point(metric, now) for metric in metrics]
        self._log_parameters(workspace, run, _labels_by_key(parameters))
        self._runs.log(workspace, run.id, points)
        if labels := _labels_by_key(tags):
            self._runs.label(workspace, run, tags=labels)
        return json_response(200, {})

    def set_tag(self, request: Request) -> Response:
        """Set one tag."""
        workspace, run, body = self._resolve(request)
        self._runs.label(workspace, run, tags={_required("key", body.key): _text(body.value)})
        return json_response(200, {})

    def delete_tag(self, request: Request) -> Response:
        """Remove one tag."""
        workspace, run, body = self._resolve(request)
        self._runs.remove_tag(workspace, run, _required("key", body.key))
        return json_response(200, {})

    def accept(self, request: Request) -> Response:
        """Accept inputs, outputs and models that newer versions of MLflow log with a run; they are not stored."""
        self._resolve(request)
        return json_response(200, {})

    def history(self, request: Request) -> Response:
        """Every value of a metric."""
        workspace, query = self._workspace(request), request.query
        run = self._find(workspace, query.get("run_id") or query.get("run_uuid", ""))
        points = self._runs.history(workspace, run.id, query.get("metric_key", ""))
        size, first = _page(query.get("max_results"), query.get("page_token"))
        response: dict[str, Any] = {"metrics": [point.document() for point in points[first : first + size]]}
        if first + size < len(points):
            response["next_page_token"] = str(first + size)
        return json_response(200, response)

    def list_artifacts(self, request: Request) -> Response:
        """The artifacts in a folder of a run."""
        workspace, query = self._workspace(request), request.query
        run = self._find(workspace, query.get("run_id") or query.get("run_uuid", ""))
        entries = self._artifacts.sizes(workspace, run.id, query.get("path", ""))
        files = [{"path": path, "is_dir": size is None, **({} if size is None else {"file_size": size})}
                 for path, size in entries]  # fmt: skip
        return json_response(200, {"root_uri": self._documents.root(workspace, run), "files": files})

    def _log_parameters(self, workspace: Workspace, run: Run, parameters: dict[str, str]) -> None:
        for name, value in parameters.items():
            if len(value) > _LONGEST_PARAMETER:
                text = f"the value of the parameter {name[:80]!r} has more than {_LONGEST_PARAMETER} characters"
                raise bad_parameter(text)
            if not self._runs.set_parameter(workspace, run.id, name, value):
                raise bad_parameter(f"the parameter {name[:80]!r} of the run {run.id} was logged with another value")

    def _run(self, workspace: Workspace, name: str) -> Response:
        return json_response(200, {"run": self._documents.run(workspace, self._find(workspace, name))})

    def _resolve(self, request: Request) -> tuple[Workspace, Run, MlflowBody]:
        workspace, body = self._workspace(request), mlflow_body(request)
        return workspace, self._find(workspace, body.run_id or body.run_uuid or ""), body

    def _find(self, workspace: Workspace, name: str) -> Run:
        run = self._runs.find(workspace, name)
        if run is None:
            raise not_found("Run", name[:80])
        return run

    def _workspace(self, request: Request) -> Workspace:
        params = request.params
        workspace = self._runs.workspace(params["subscription"], params["group"], params["workspace"])
        if workspace is None:
            raise not_found("Workspace", params["workspace"][:80])
        return workspace


def _point(metric: MlflowMetric, now: int) -> MetricPoint:
    """A value of a metric; ``now`` is its timestamp if it has none."""
    name = _required("key", metric.key)
    try:
        number = float("" if metric.value is None else metric.value)  # also reads NaN and Infinity, MLflow's words
        timestamp, step = int(metric.timestamp or now), int(metric.step or 0)
    except (ValueError, OverflowError):
        timestamp, step, number = _INT64_LIMIT, _INT64_LIMIT, 0.0
    if max(abs(timestamp), abs(step)) >= _INT64_LIMIT:
        text = f"the metric {name[:80]!r} has a number as its value, and whole 64-bit numbers as its moment and step"
        raise bad_parameter(text)
    return MetricPoint(name, repr(number), timestamp, step)


def _labels_by_key(labels: list[MlflowLabel] | None) -> dict[str, str]:
    return {_required("key", label.key): _text(label.value) for label in labels or ()}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _required(name: str, value: str | None) -> str:
    if not value:
        raise bad_parameter(f"Missing value for required parameter '{name}'.")
    return value


def _parse_filter(text: str) -> Sequence[Any]:
    try:
        return parse_filter(text)
    except FilterError as error:
        raise bad_parameter(f"Invalid filter: {error}") from None


def _sort_runs(runs: list[tuple[Run, Entity]], order: str) -> list[tuple[Run, Entity]]:
    try:
        key = parse_order(order)
    except FilterError as error:
        raise bad_parameter(f"Invalid order_by: {error}") from None
    present = [run for run in runs if not key(run[1])[0]]
    present.sort(key=lambda run: key(run[1])[1], reverse=is_descending(order))  # type: ignore[arg-type,return-value]
    return present + [run for run in runs if key(run[1])[0]]


def _page(size: object, token: object) -> tuple[int, int]:
    """The size of a page, and the position of its first element."""
    return min(read_number(_text(size), 0) or _PAGE, _MOST), read_number(_text(token), 0)
