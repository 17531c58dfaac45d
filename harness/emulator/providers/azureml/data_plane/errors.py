"""Errors of the data plane: run history has its own envelope, MLflow that of its REST API."""

from harness.emulator.context import Response
from harness.emulator.wire import json_response


class DataPlaneError(Exception):
    """An error of run history or of the artifact service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MlflowError(Exception):
    """An error with one of MLflow's codes, such as ``RESOURCE_DOES_NOT_EXIST``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self) -> Response:
        """The response."""
        return json_response(self.status, {"error_code": self.code, "message": str(self)})


def history_error(status: int, code: str, message: str) -> Response:
    """An error response in the envelope of run history."""
    error: dict[str, object] = {"code": code, "severity": None, "message": message, "details": [], "innerError": None}
    return json_response(status, {"error": error, "correlation": None, "statusCode": status})


def not_found(kind: str, name: str) -> MlflowError:
    """There is no such run or experiment."""
    return MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"{kind} with id={name} not found")


def bad_parameter(message: str) -> MlflowError:
    """A parameter is missing or wrong."""
    return MlflowError(400, "INVALID_PARAMETER_VALUE", message)
