"""Error responses of Resource Manager, with its codes and messages."""

import base64
from datetime import datetime

import msgspec

from harness.emulator.context import Response
from harness.emulator.guids import new_guid
from harness.emulator.wire import arm_error

_GATEWAY = [("x-ms-failure-cause", "gateway")]


def unauthenticated(message: str) -> Response:
    """The request has no valid token."""
    challenge = (
        'Bearer authorization_uri="https://login.windows.net/common", error="invalid_token", '
        'error_description="The authentication failed."'
    )
    return arm_error(401, "AuthenticationFailed", message, headers=[("www-authenticate", challenge)])


def expired(message: str, now: datetime, *, revoked: bool) -> Response:
    """The token has expired; if it was revoked early, the challenge demands a token that was issued later."""
    if revoked:
        claims = msgspec.json.encode({"access_token": {"nbf": {"essential": True, "value": str(int(now.timestamp()))}}})
        reason = f'error="insufficient_claims", claims="{base64.b64encode(claims).decode()}"'
    else:
        reason = 'error="invalid_token", error_description="The access token expired."'
    challenge = f'Bearer authorization_uri="https://login.windows.net/common", {reason}'
    return arm_error(401, "ExpiredAuthenticationToken", message, headers=[("www-authenticate", challenge)])


def throttled(subscription: str) -> Response:
    """Too many requests; the caller adds the header ``Retry-After``."""
    text = f"Number of requests for subscription '{subscription}' exceeded the limit. Please try again later."
    return arm_error(429, "TooManyRequests", text, headers=_GATEWAY)


def unavailable() -> Response:
    """Resource Manager is temporarily unavailable."""
    text = "The service is temporarily unavailable. Please retry the request later."
    return arm_error(503, "ServiceUnavailable", text, headers=_GATEWAY)


def failed(subscription: str, now: datetime) -> Response:
    """Resource Manager has an internal error."""
    text = (
        f"Encountered internal server error. Diagnostic information: timestamp '{now:%Y%m%dT%H%M%SZ}', subscription id "
        f"'{subscription}', tracking id '{new_guid()}', request correlation id '{new_guid()}'."
    )
    return arm_error(500, "InternalServerError", text, headers=_GATEWAY)


def resource_not_found(resource: str, group: str) -> Response:
    """Resource Manager does not know the resource, or does not see it yet."""
    text = f"The Resource '{resource}' under resource group '{group}' was not found."
    return arm_error(404, "ResourceNotFound", text, headers=_GATEWAY)


def subscription_not_found(subscription: str) -> Response:
    """There is no subscription of that id."""
    return arm_error(
        404,
        "SubscriptionNotFound",
        f"The subscription '{subscription}' could not be found.",
        headers=_GATEWAY,
    )


def group_not_found(name: str) -> Response:
    """There is no resource group of that name."""
    return arm_error(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", headers=_GATEWAY)


def scope_locked(scope: str) -> Response:
    """A lock keeps a resource from being deleted."""
    text = (
        f"The scope '{scope}' cannot perform delete operation because following scope(s) are locked: '{scope}'. "
        "Please remove the lock and try again."
    )
    return arm_error(409, "ScopeLocked", text, headers=_GATEWAY)


def group_being_deleted(name: str) -> Response:
    """The group is being deleted."""
    text = f"The resource group '{name}' is in deprovisioning state and cannot perform this operation."
    return arm_error(409, "ResourceGroupBeingDeleted", text, headers=_GATEWAY)


def not_registered(namespace: str) -> Response:
    """The subscription has not registered the namespace."""
    text = (
        f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for "
        "how to register subscriptions."
    )
    return arm_error(409, "MissingSubscriptionRegistration", text, headers=_GATEWAY)


def unknown_namespace(namespace: str) -> Response:
    """There is no resource provider of that name."""
    text = f"The resource namespace '{namespace}' is invalid."
    return arm_error(404, "InvalidResourceNamespace", text, headers=_GATEWAY)


def missing_api_version() -> Response:
    """The request names no API version."""
    text = "The api-version query parameter (?api-version=) is required for all requests."
    return arm_error(400, "MissingApiVersionParameter", text, headers=_GATEWAY)


def no_such_operation(method: str, path: str) -> Response:
    """No operation has the address."""
    text = f"The emulator has no operation {method} {path[:300]}."
    return arm_error(404, "InvalidResourceType", text, headers=_GATEWAY)


def method_not_allowed(method: str, allowed: list[str]) -> Response:
    """The address has operations for other methods only."""
    text = f"The requested resource does not support http method '{method}'."
    return arm_error(405, "HttpMethodNotSupported", text, headers=[("allow", ", ".join(allowed))])
