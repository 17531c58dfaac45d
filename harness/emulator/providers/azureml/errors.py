"""Refusals of Azure Machine Learning, as in recorded sessions of the service.

Its own front end answers in an envelope with inner errors and correlation ids; the gateway before it, which knows
workspaces and subscriptions, answers as all of Resource Manager does.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.emulator.context import Response
from harness.emulator.providers.arm.errors import throttled
from harness.emulator.providers.azureml.model.documents import precise
from harness.emulator.subscription_limits import KeyRefusal
from harness.emulator.wire import arm_error, json_response

_HELP = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"


class AzureMLError(Exception):
    """A refusal by the service's front end.

    Attributes:
        status: of HTTP.
        code: ``UserError`` where the caller is at fault.
        inner: codes of inner errors, the outermost first.
        template: the message with its parameters in braces, and ``parameters`` their values; empty where not shown.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *inner: str,
        code: str = "UserError",
        template: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner
        self.template = template
        self.parameters = dict(parameters or {})

    def response(self, location: str, now: datetime) -> Response:
        """The answer of the front end in a region."""
        return json_response(self.status, {"error": self._document(location, now)})

    def _document(self, location: str, now: datetime) -> dict[str, Any]:
        correlation = {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)}
        information: list[tuple[str, Any]] = [
            ("ComponentName", "managementfrontend"),
            ("Correlation", correlation),
            ("Environment", location),
            ("Location", location),
            ("Time", precise(now)),
        ]
        if self.inner:
            information.append(("InnerError", _nested(self.inner)))
        if self.template:
            information += [("MessageFormat", self.template), ("MessageParameters", self.parameters)]
        additional = [{"type": name, "info": {"value": value}} for name, value in information]
        return {"code": self.code, "message": str(self), "details": [], "additionalInfo": additional}


class GatewayError(Exception):
    """A refusal by the gateway before the service, which has a code and a message only."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self) -> Response:
        """The answer."""
        answer = arm_error(self.status, self.code, str(self))
        answer.headers.append(("x-ms-failure-cause", "gateway"))
        return answer


class ThrottledError(Exception):
    """There were too many requests; the next one is accepted after some seconds."""

    def __init__(self, subscription: str, seconds: int) -> None:
        super().__init__(seconds)
        self._subscription = subscription
        self._seconds = seconds

    def response(self) -> Response:
        """The answer, which is Resource Manager's own."""
        answer = throttled(self._subscription)
        answer.headers.append(("retry-after", str(self._seconds)))
        return answer


def workspace_not_found(group: str, workspace: str) -> GatewayError:
    """There is no workspace of that name."""
    text = (
        f"The Resource 'Microsoft.MachineLearningServices/workspaces/{workspace}' under resource group '{group}' was "
        f"not found. {_HELP}"
    )
    return GatewayError(404, "ResourceNotFound", text)


def unsupported_version(version: str) -> GatewayError:
    """The API version is older than what the emulator serves."""
    text = (
        f"No registered resource provider found for API version '{version[:40]}'. The emulator serves the API versions "
        "of Microsoft.MachineLearningServices from 2022-05-01 on."
    )
    return GatewayError(400, "NoRegisteredProviderFound", text)


def not_served(what: str, instead: str) -> AzureMLError:
    """The service has an operation that the emulator does not play, and ``instead`` says what to do."""
    return AzureMLError(400, f"The emulator does not serve {what}; {instead}.", "NotServed")


def invalid(message: str, *inner: str) -> AzureMLError:
    """The request's body or a name in it cannot be accepted."""
    return AzureMLError(400, message, "BadArgument", *inner)


def conflict(message: str) -> AzureMLError:
    """The state of a resource forbids the request."""
    return AzureMLError(409, message, "Conflict")


def job_not_found(name: str) -> AzureMLError:
    """There is no job of that name."""
    template = "Job {jobId} not found."
    return AzureMLError(
        404, template.format(jobId=name), "NotFound", "JobNotFound", template=template, parameters={"jobId": name}
    )


def compute_not_found(name: str) -> GatewayError:
    """There is no compute of that name."""
    return GatewayError(404, "ResourceNotFound", f"Compute with name {name} could not be found.")


def datastore_not_found(name: str) -> AzureMLError:
    """There is no datastore of that name."""
    return AzureMLError(404, f"Could not find datastore: {name}.", "NotFoundError")


def keys_refused(code: KeyRefusal, datastore: str, account: str) -> "GatewayError | AzureMLError":
    """Account keys may not be used: by a policy of the subscription, or by the storage account."""
    if code == "RequestDisallowedByPolicy":
        text = (
            f"Resource '{datastore}' was disallowed by policy. Reasons: 'Datastores must not use keys of storage "
            "accounts.'. See error details for policy resource IDs."
        )
        return GatewayError(403, code, text)
    return AzureMLError(
        400,
        f"Key based authentication is not permitted on this storage account. ({code}; storage account '{account}')",
        "BadArgument",
        code,
    )


def soft_deleted() -> GatewayError:
    """A deleted workspace has the name, and can be recovered or purged; after public reports."""
    text = "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete"
    return GatewayError(400, "BadRequest", text)


def asset_not_found(what: str, name: str, version: str = "", label: str = "") -> AzureMLError:
    """There is no such version of a code, an environment or a data asset."""
    return AzureMLError(404, f"No {what} exists for name: {name}, version: {version}, label: {label}", "NotFoundError")


def _nested(codes: Sequence[str]) -> dict[str, Any] | None:
    return {"code": codes[0], "innerError": _nested(codes[1:])} if codes else None
