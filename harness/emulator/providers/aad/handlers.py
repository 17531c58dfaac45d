"""Sign-in of service principals.

Addresses and responses follow Microsoft's identity platform documentation: ``/{tenant}/oauth2/token`` (v1, a
``resource``), ``/{tenant}/oauth2/v2.0/token`` (v2, a ``scope``), OpenID and instance discovery.
"""

import base64
import binascii
import hmac
from urllib.parse import parse_qsl, unquote

from harness.clock import Clock
from harness.emulator.auth import LIFETIME, Tokens, audience_of, issuer_of
from harness.emulator.context import BodyTooLargeError, Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.identity import Identity
from harness.emulator.providers.aad import errors
from harness.emulator.routing import Route, Router
from harness.emulator.wire import json_response

_LOGIN = "https://login.microsoftonline.com"
_HOSTS = ("login.microsoftonline.com", "login.windows.net", "sts.windows.net")
_FORM_LIMIT = 64 << 10  # bytes of a sign-in, which needs no credentials
_NO_TENANT = ("common", "organizations", "consumers")


class AzureActiveDirectory:
    """Plays the sign-in hosts for one identity."""

    def __init__(self, identity: Identity, tokens: Tokens, clock: Clock) -> None:
        self._identity = identity
        self._tokens = tokens
        self._clock = clock
        self._router = Router(self.routes)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations of the service."""
        return (
            Route("GET", "/common/discovery/instance", "InstanceDiscovery", self._instance),
            Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", "OpenIdConfiguration", self._openid),
            Route("GET", "/{tenant}/.well-known/openid-configuration", "OpenIdConfigurationV1", self._openid),
            Route("GET", "/{tenant}/discovery/v2.0/keys", "Keys", self._keys),
            Route("GET", "/{tenant}/discovery/keys", "KeysV1", self._keys),
            Route("POST", "/{tenant}/oauth2/v2.0/token", "Token", self._token),
            Route("POST", "/{tenant}/oauth2/token", "TokenV1", self._token),
        )

    def plays(self, host: str) -> bool:
        """Whether a host is one of the sign-in hosts."""
        return host in _HOSTS

    async def handle(self, request: Request) -> Response:
        """Answer a request; none needs a token."""
        route = self._router.match(request)
        if route is None:
            return errors.not_found()
        try:
            response = route.handler(request)
            return response if isinstance(response, Response) else await response
        except BodyTooLargeError as error:
            return errors.too_large(error.limit)

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return json_response(400, {"error": "invalid_request", "error_description": message})

    def broken(self) -> Response:
        """The response to a request on which the emulator itself failed."""
        return json_response(500, {"error": "server_error", "error_description": "The emulator failed; see its log."})

    def fault_target(self, _request: Request) -> FaultTarget:
        """The whole service: faults do not depend on a group here."""
        return FaultTarget("aad")

    def refuse(self, _request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        return errors.fault_response(trouble, self._clock.now())

    def _instance(self, _request: Request) -> Response:
        names = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"]
        tenant = f"{_LOGIN}/{self._identity.tenant_id}/.well-known/openid-configuration"
        metadata = {"preferred_network": names[0], "preferred_cache": names[1], "aliases": names}
        return json_response(200, {"tenant_discovery_endpoint": tenant, "api-version": "1.1", "metadata": [metadata]})

    def _openid(self, request: Request) -> Response:
        tenant = request.params["tenant"]
        if not self._has_tenant(tenant) and tenant not in _NO_TENANT:
            return errors.unknown_tenant(tenant, self._clock.now())
        version = "/v2.0" if "/v2.0/" in request.path else ""
        base = f"{_LOGIN}/{tenant}"
        document = {
            "token_endpoint": f"{base}/oauth2{version}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery{version}/keys",
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": _issuer(self._identity.tenant_id if tenant in _NO_TENANT else tenant.lower(), version),
            "authorization_endpoint": f"{base}/oauth2{version}/authorize",
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
        }
        return json_response(200, document)

    def _keys(self, _request: Request) -> Response:
        return json_response(200, self._tokens.keys())

    async def _token(self, request: Request) -> Response:
        now, tenant = self._clock.now(), request.params["tenant"]
        form = dict(parse_qsl((await request.read(_FORM_LIMIT)).decode("utf-8", "replace"), keep_blank_values=True))
        form = _basic_credentials(request.headers.get("authorization", "")) | form
        is_v2 = "/v2.0/" in request.path
        if not self._has_tenant(tenant):
            return errors.unknown_tenant(tenant, now)
        for name in ("grant_type", "client_id", "client_secret", "scope" if is_v2 else "resource"):
            if not form.get(name):
                return errors.missing_parameter(name, now)
        if form["grant_type"] != "client_credentials":
            return errors.unsupported_grant(form["grant_type"], now)
        application = self._identity.application(form["client_id"])
        if application is None:
            return errors.unknown_application(form["client_id"], tenant, now)
        if not hmac.compare_digest(form["client_secret"].encode(), application.client_secret.encode()):
            return errors.wrong_secret(form["client_id"], now)
        resource = form["scope"].removesuffix("/.default") if is_v2 else form["resource"]
        audience = audience_of(resource)
        if not audience:
            return errors.invalid_resource(resource, now)
        request.trust()
        token = self._tokens.issue(audience, application, tenant.lower())
        return self._token_response(token, resource, is_v2=is_v2)

    def _token_response(self, token: str, resource: str, *, is_v2: bool) -> Response:
        now, seconds = self._clock.now(), int(LIFETIME.total_seconds())
        if is_v2:
            document: dict[str, object] = {
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": token,
            }
        else:
            start = int(now.timestamp())
            document = {
                "token_type": "Bearer",
                "expires_in": str(seconds),
                "ext_expires_in": str(seconds),
                "expires_on": str(start + seconds),
                "not_before": str(start),
                "resource": resource,
                "access_token": token,
            }
        return json_response(200, document, headers=[("cache-control", "no-store, no-cache"), ("pragma", "no-cache")])

    def _has_tenant(self, tenant: str) -> bool:
        return tenant.lower() in (self._identity.tenant_id, *self._identity.other_tenants)


def _issuer(tenant: str, version: str) -> str:
    return f"{_LOGIN}/{tenant}/v2.0" if version else issuer_of(tenant)


def _basic_credentials(authorization: str) -> dict[str, str]:
    """Client id and secret of a ``Basic`` header, where msrestazure 0.4 on a newer requests-oauthlib puts them."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": unquote(client), "client_secret": unquote(secret)}
