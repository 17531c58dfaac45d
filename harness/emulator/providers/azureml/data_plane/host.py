"""The host of the data plane: discovery needs no credentials, everything else a role on the workspace."""

import dataclasses

from harness.emulator.auth import ExpiredTokenError, InvalidTokenError, NoRoleError, Tokens
from harness.emulator.context import BodyTooLargeError, Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.group_commit import GroupCommit
from harness.emulator.guids import new_guid
from harness.emulator.providers.arm.rules import InvalidContentError
from harness.emulator.providers.azureml.data_plane.artifacts import Artifacts
from harness.emulator.providers.azureml.data_plane.errors import DataPlaneError, MlflowError, history_error
from harness.emulator.providers.azureml.data_plane.history import History
from harness.emulator.providers.azureml.data_plane.mlflow import Mlflow
from harness.emulator.providers.azureml.data_plane.not_served import refusal_of
from harness.emulator.providers.azureml.data_plane.routes import data_plane_routes
from harness.emulator.providers.azureml.data_plane.runs import Runs
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.workspace import API_HOST
from harness.emulator.providers.azureml.run_tokens import RunTokens
from harness.emulator.routing import Handler, Route, Router
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store
from harness.emulator.wire import json_response

# The resource type of the actions that are checked.
_RUNS = "Microsoft.MachineLearningServices/workspaces/experiments/runs"
_READ_BY_POST = frozenset({
    *("Run_GetData", "Runs_Query", "Experiments_Query", "DataVersion_BatchGetResolvedUris"),
    *("Mlflow_experiments/search", "Mlflow_runs/search"),
})  # fmt: skip
_TOKENS = frozenset({"Runs_GetToken", "Runs_GetTokenById"})  # operations that return a token, which permits writes


class DataPlane:
    """Plays ``{region}.api.azureml.ms``.

    Args:
        service: the parts that the provider behind Resource Manager shares.
        tokens: verifies the tokens of applications.
        run_tokens: verifies the tokens of jobs, each of which is valid for one workspace.
    """

    def __init__(
        self, service: Service, tokens: Tokens, run_tokens: RunTokens, accounts: Accounts, store: Store
    ) -> None:
        self._tokens = tokens
        self._run_tokens = run_tokens
        self._group_commit = GroupCommit(store)
        runs = Runs(service)
        artifacts = Artifacts(service, runs, accounts)
        table = data_plane_routes(History(service, runs, artifacts, run_tokens), Mlflow(runs, artifacts), artifacts)
        self._router = Router(
            [dataclasses.replace(route, handler=self._with_error_responses(route)) for route in table]
        )

    def plays(self, host: str) -> bool:
        """Whether a host is a region of the data plane."""
        return host.endswith(f".{API_HOST}")

    async def handle(self, request: Request) -> Response:
        """Route, authenticate and answer."""
        if request.path == "/discovery":
            return json_response(200, discovery(request.host))
        route = self._router.match(request)
        if route is None:
            response = refusal_of(request)
        elif refusal := self._refusal(request, route.operation):
            response = refusal
        else:
            request.trust()
            result = route.handler(request)
            response = result if isinstance(result, Response) else await result
        response.headers += [("x-request-time", "0.001"), ("x-ms-request-id", new_guid())]
        return response

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return history_error(400, "BadRequest", message)

    def broken(self) -> Response:
        """The response to a request on which the emulator itself failed."""
        return history_error(500, "InternalServerError", "The emulator failed; see its log.")

    def fault_target(self, request: Request) -> FaultTarget:
        """The resource group of a request."""
        segments = [segment.lower() for segment in request.path.split("/")]
        has_group = "resourcegroups" in segments[:-1]
        group = request.path.split("/")[segments.index("resourcegroups") + 1] if has_group else ""
        return FaultTarget("arm", group)

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        del request
        if trouble == "expired":
            return _unauthenticated()
        if trouble == "throttled":
            return history_error(429, "TooManyRequests", "Received too many requests in a short amount of time.")
        return history_error(503, "ServiceError", "The service is temporarily unavailable.")

    def _refusal(self, request: Request, operation: str) -> Response | None:
        authorization = request.headers.get("authorization", "")
        params = request.params
        key = (
            f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{params['workspace']}"
        ).lower()
        if self._run_tokens.accepts(authorization, key):
            return None
        try:
            bearer = self._tokens.verify(authorization, request.ahead)
            self._tokens.check_role(bearer, action_of(request.method, operation), key)
        except NoRoleError as error:
            return history_error(403, "AuthorizationFailed", str(error))
        except ExpiredTokenError:
            return _unauthenticated()
        except InvalidTokenError as error:
            return history_error(401, "UserError", str(error))
        return None

    def _with_error_responses(self, route: Route) -> Handler:
        """The handler of a route, with errors as responses; it runs after the body of a write has been read."""

        async def handle(request: Request) -> Response:
            try:
                if request.method == "GET":
                    return _call(route.handler, request)
                await request.read()
                return await self._group_commit.write(lambda: _call(route.handler, request))
            except MlflowError as error:
                return error.response()
            except DataPlaneError as error:
                return history_error(error.status, error.code, str(error))
            except InvalidContentError as error:
                return history_error(400, error.code, str(error))
            except BodyTooLargeError:
                return history_error(413, "RequestEntityTooLarge", "The request body is longer than 4 MiB.")

        return handle


def discovery(host: str) -> dict[str, str]:
    """The addresses of the parts of the data plane, which all have this host."""
    base = f"https://{host}"
    names = ("api", "catalog", "experimentation", "gallery", "history", "hyperdrive", "labeling", "modelmanagement",
             "pipelines")  # fmt: skip
    return dict.fromkeys(names, base) | {"studio": "https://ml.azure.com"}


def action_of(method: str, operation: str) -> str:
    """The action that a role must permit for an operation."""
    is_read = operation in _READ_BY_POST or (method == "GET" and operation not in _TOKENS)
    return f"{_RUNS}/{'read' if is_read else 'write'}"


def _unauthenticated() -> Response:
    """The response to a request without a valid token; its message makes clients get a new one."""
    return history_error(401, "UserError", "Bearer token not provided or expired.")


def _call(handler: Handler, request: Request) -> Response:
    response = handler(request)
    if not isinstance(response, Response):
        raise TypeError("a handler of the data plane is asynchronous")
    return response
