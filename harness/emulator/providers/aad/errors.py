"""Error responses of Azure Active Directory, with its codes and messages."""

from datetime import datetime

from harness.emulator.context import Response
from harness.emulator.fault_targets import InjectedError
from harness.emulator.guids import new_guid
from harness.emulator.wire import json_response


def unknown_tenant(tenant: str, now: datetime) -> Response:
    """The tenant of the address does not exist."""
    text = (
        f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are "
        "signing into the correct cloud. Check with your subscription administrator, this may happen if there "
        "are no active subscriptions for the tenant."
    )
    return _error(400, "invalid_request", 90002, text, now)


def unknown_application(client: str, tenant: str, now: datetime) -> Response:
    """There is no application of that id in the tenant."""
    text = (
        f"AADSTS700016: Application with identifier '{client}' was not found in the directory '{tenant}'. This can "
        "happen if the application has not been installed by the administrator of the tenant or consented to by "
        "any user in the tenant. You may have sent your authentication request to the wrong tenant."
    )
    return _error(400, "unauthorized_client", 700016, text, now)


def wrong_secret(client: str, now: datetime) -> Response:
    """The secret is not that of the application."""
    text = (
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client "
        f"secret value, not the client secret ID, for a secret added to app '{client}'."
    )
    return _error(401, "invalid_client", 7000215, text, now)


def missing_parameter(name: str, now: datetime) -> Response:
    """The form lacks a field."""
    text = f"AADSTS900144: The request body must contain the following parameter: '{name}'."
    return _error(400, "invalid_request", 900144, text, now)


def unsupported_grant(grant: str, now: datetime) -> Response:
    """Only the grant of client credentials is supported."""
    text = f"AADSTS70003: The app requested an unsupported grant type '{grant}'."
    return _error(400, "unsupported_grant_type", 70003, text, now)


def invalid_resource(resource: str, now: datetime) -> Response:
    """There is no such resource in the tenant."""
    text = f"AADSTS500011: The resource principal named {resource} was not found in the tenant."
    return _error(400, "invalid_resource", 500011, text, now)


def fault_response(trouble: InjectedError, now: datetime) -> Response:
    """The service issues no tokens at present."""
    match trouble:
        case "throttled":
            text = "AADSTS90055: There are too many incoming requests. Please try again later."
            return _error(429, "temporarily_unavailable", 90055, text, now)
        case "unavailable":
            text = "AADSTS90033: A transient error has occurred. Please try again."
            return _error(503, "temporarily_unavailable", 90033, text, now)
        case _:
            text = "AADSTS50000: There was an error issuing a token or an issue with our sign-in service."
            return _error(500, "server_error", 50000, text, now)


def too_large(limit: int) -> Response:
    """The form is too long for a sign-in."""
    return json_response(
        413, {"error": "invalid_request", "error_description": f"The request body is longer than {limit >> 10} KiB."}
    )


def not_found() -> Response:
    """No operation has the address."""
    return Response(404)


def _error(status: int, error: str, code: int, text: str, now: datetime) -> Response:
    trace, correlation = new_guid(), new_guid()
    moment = f"{now:%Y-%m-%d %H:%M:%SZ}"
    document = {
        "error": error,
        "error_description": f"{text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
        "error_codes": [code],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return json_response(status, document)
