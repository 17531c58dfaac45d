"""Errors of Azure Machine Learning, as in recorded sessions of the service.

The service's front end has an envelope with inner errors and correlation ids. The gateway in front of it, which knows
workspaces and subscriptions, has the envelope of Resource Manager.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.emulator.context import Response
from harness.emulator.providers.arm.errors import throttled
from harness.emulator.providers.azureml.model.documents import format_time
from harness.emulator.subscription_limits import KeyRefusal
from harness.emulator.wire import arm_error, json_response

_HELP = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"


class AzureMLError(Exception):
    """An error of the service's front end.

    Attributes:
        status: the HTTP status.
        code: ``UserError`` for mistakes of the caller.
        inner: codes of inner errors, the outermost first.
        template: the message with its parameters in braces; empty if the response shows no template.
        parameters: the values of the template's parameters.
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
        """The response of the front end in a region."""
        return json_response(self.status, {"error": self._document(location, now)})

    def _document(self, location: str, now: datetime) -> dict[str, Any]:
        correlation = {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)}
        information: list[tuple[str, Any]] = [
            ("ComponentName", "managementfrontend"),
            ("Correlation", correlation),
            ("Environment", location),
            ("Location", location),
            ("Time", format_time(now)),
        ]
        if self.inner:
            information.append(("InnerError", _nest_codes(self.inner)))
        if self.template:
            information += [("MessageFormat", self.template), ("MessageParameters", self.parameters)]
        additional = [{"type": name, "info": {"value": value}} for name, value in information]
        return {"code": self.code, "message": str(self), "details": [], "additionalInfo": additional}


class GatewayError(Exception):
    """An error of the gateway in front of the service, with only a code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self) -> Response:
        """The response."""
        response = arm_error(self.status, self.code, str(self))
        response.headers.append(("x-ms-failure-cause", "gateway"))
        return response


class ThrottledError(Exception):
    """The caller sent too many requests; the next one is accepted after some seconds."""

    def __init__(self, subscription: str, seconds: int) -> None:
        super().__init__(seconds)
        self._subscription = subscription
        self._seconds = seconds

    def response(self) -> Response:
        """The response, which is that of Resource Manager."""
        response = throttled(self._subscription)
        response.headers.append(("retry-after", str(self._seconds)))
        return response


def workspace_not_found(group: str, workspace: str) -> GatewayError:
    """There is no workspace of that name."""
    text = (
        f"The Resource 'Microsoft.MachineLearningServices/workspaces/{workspace}' under resource group '{group}' was "
        f"not found. {_HELP}"
    )
    return GatewayError(404, "ResourceNotFound", text)


def unsupported_version(version: str) -> GatewayError:
    """The API version is older than those that the emulator serves."""
    text = (
        f"No registered resource provider found for API version '{version[:40]}'. The emulator serves the API versions "
        "of Microsoft.MachineLearningServices from 2022-05-01 on."
    )
    return GatewayError(400, "NoRegisteredProviderFound", text)


def not_served(feature: str, alternative: str) -> AzureMLError:
    """The service has a feature that the emulator does not play; ``alternative`` names what to do instead."""
    return AzureMLError(400, f"The emulator does not serve {feature}; {alternative}.", "NotServed")


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
    """A policy of the subscription, or the storage account, forbids the use of account keys."""
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
    """A soft-deleted workspace has the name, and can be recovered or purged. The message is from public reports."""
    text = "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete"
    return GatewayError(400, "BadRequest", text)


def asset_not_found(kind: str, name: str, version: str = "", label: str = "") -> AzureMLError:
    """There is no such asset, or no such version of it."""
    return AzureMLError(404, f"No {kind} exists for name: {name}, version: {version}, label: {label}", "NotFoundError")


def _nest_codes(codes: Sequence[str]) -> dict[str, Any] | None:
    return {"code": codes[0], "innerError": _nest_codes(codes[1:])} if codes else None
