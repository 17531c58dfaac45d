"""The token endpoints of managed identities, for code on a virtual machine (IMDS) or in App Service.

Requests and responses follow Microsoft's "How to use managed identities for Azure resources on an Azure VM to acquire
an access token" and "How to use managed identities for App Service".
"""

import hmac

from harness.clock import Clock
from harness.emulator.auth import LIFETIME, Tokens, audience_of
from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.host_names import is_loopback
from harness.emulator.identity import Application, Identity
from harness.emulator.providers.aad import errors
from harness.emulator.routing import Route, Router
from harness.emulator.wire import json_response

_IMDS_ADDRESS = "169.254.169.254"


class ManagedIdentities:
    """Gives tokens of the emulator's applications to callers on this machine.

    Every application is a user-assigned identity; the first one is also the system-assigned identity. Callers of the
    endpoint of App Service must send its secret header. IMDS has no secret, so every process on the machine can use it.

    Args:
        kind: ``app-service`` or ``imds``.
    """

    def __init__(self, kind: str, identity: Identity, tokens: Tokens, clock: Clock) -> None:
        self._identity = identity
        self._tokens = tokens
        self._clock = clock
        routes = {
            "imds": Route("GET", "/metadata/identity/oauth2/token", "ImdsToken", self._imds),
            "app-service": Route("GET", "/msi/token", "AppServiceToken", self._app_service),
        }
        self._router = Router([routes[kind]])

    def plays(self, host: str) -> bool:
        """Whether a host is this machine, or the address of IMDS, redirected to this machine."""
        return is_loopback(host) or host == _IMDS_ADDRESS

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        route = self._router.match(request)
        if route is None:
            return errors.not_found()
        response = route.handler(request)
        return response if isinstance(response, Response) else await response

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return _error(400, "invalid_request", message)

    def broken(self) -> Response:
        """The response to a request on which the emulator itself failed."""
        return _error(500, "unknown", "The emulator failed; see its log.")

    def fault_target(self, _request: Request) -> FaultTarget:
        """The whole service: faults do not depend on a group here."""
        return FaultTarget("aad")

    def refuse(self, _request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        return errors.fault_response(trouble, self._clock.now())

    def _imds(self, request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
            return _error(400, "invalid_request", "Required metadata header not specified")
        return self._token(request)

    def _app_service(self, request: Request) -> Response:
        header = request.headers.get("x-identity-header", "")
        if not hmac.compare_digest(header.encode(), self._identity.identity_header.encode()):
            return _error(401, "unauthorized_client", "The X-IDENTITY-HEADER is not that of this app.")
        return self._token(request)

    def _token(self, request: Request) -> Response:
        if not request.query.get("api-version"):
            return _error(400, "invalid_request", "Required query variable 'api-version' is missing")
        resource = request.query.get("resource", "")
        if not resource:
            return _error(400, "invalid_request", "Required query variable 'resource' is missing")
        audience, application = audience_of(resource), self._application(request)
        if application is None:
            return _error(400, "invalid_request", "Identity not found")
        if not audience:
            text = f"AADSTS500011: The resource principal named {resource} was not found in the tenant."
            return _error(400, "invalid_resource", text)
        request.trust()
        start, seconds = int(self._clock.now().timestamp()), int(LIFETIME.total_seconds())
        document = {
            "access_token": self._tokens.issue(audience, application),
            "client_id": application.client_id,
            "expires_in": str(seconds),
            "expires_on": str(start + seconds),
            "ext_expires_in": str(seconds),
            "not_before": str(start),
            "resource": resource,
            "token_type": "Bearer",
        }
        return json_response(200, document, headers=[("cache-control", "no-store")])

    def _application(self, request: Request) -> Application | None:
        query = request.query
        if client := query.get("client_id") or query.get("clientid"):
            return self._identity.application(client)
        if principal := query.get("object_id") or query.get("principal_id"):
            return self._identity.principal(principal.lower())
        if "mi_res_id" in query or "msi_res_id" in query:
            return None  # the emulator has no identities with resource ids
        return self._identity.application(self._identity.client_id)


def _error(status: int, error: str, text: str) -> Response:
    return json_response(status, {"error": error, "error_description": text})
