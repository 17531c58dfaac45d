"""The addresses that clients poll until a long-running operation has ended."""

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Operation
from harness.emulator.providers.azureml.errors import GatewayError
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.wire import json_response


class OperationStatuses:
    """The addresses of operations on workspaces, computes and jobs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def compute(self, request: Request) -> Response:
        """The operation on a compute: in progress, or succeeded."""
        return self._status(request, {"percentComplete": 100.0})

    def workspace(self, request: Request) -> Response:
        """The operation on a workspace, at the address of its status or of its result."""
        if request.query.get("type") == "location":
            return self._result(request)
        return self._status(request, {})

    def job(self, request: Request) -> Response:
        """The cancellation or deletion of a job: 202 until it has ended, then 200."""
        return self._result(request)

    def _status(self, request: Request, members: dict[str, object]) -> Response:
        operation = self._lookup(request)
        if operation.ended and (problem := operation.problem):
            error = {"code": problem.code, "message": problem.message}
            return json_response(200, {"status": "Failed", "error": error})
        if operation.ended:
            return json_response(200, {"status": "Succeeded", **members})
        return json_response(200, {"status": "InProgress"}, headers=self._retry_headers())

    def _result(self, request: Request) -> Response:
        if self._lookup(request).ended:
            return Response(200)
        location = f"https://management.azure.com{request.raw_target.decode('latin-1')}"
        return json_response(202, {}, headers=[("location", location), *self._retry_headers()])

    def _lookup(self, request: Request) -> Operation:
        name = request.params["operation"].rpartition(":")[2]
        operation = self._service.engine.operations.find(request.params["subscription"], name)
        if operation is None:
            raise GatewayError(404, "NotFound", f"The operation {request.params['operation'][:80]} could not be found.")
        return operation

    def _retry_headers(self) -> list[tuple[str, str]]:
        return [("x-ms-retry-after-ms", str(self._service.wait_milliseconds))]
