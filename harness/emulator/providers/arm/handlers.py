"""Azure Resource Manager's own operations, and the dispatch to the resource providers behind it.

Responses follow recorded sessions of the ``az`` command line and Microsoft's API reference.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from harness.clock import Clock
from harness.emulator.auth import ExpiredTokenError, InvalidTokenError, NoRoleError, Tokens
from harness.emulator.context import BodyTooLargeError, Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.guids import new_guid
from harness.emulator.identity import Identity
from harness.emulator.providers import ResourceProvider
from harness.emulator.providers.arm import errors, metadata
from harness.emulator.providers.arm.actions import action_of
from harness.emulator.providers.arm.deletions import Deletions
from harness.emulator.providers.arm.fault_responses import fault_response
from harness.emulator.providers.arm.groups import ResourceGroups
from harness.emulator.providers.arm.model import ResourceGroup, group_key
from harness.emulator.providers.arm.registrations import Registrations
from harness.emulator.providers.arm.rules import OWN_PREFIX, InvalidContentError, fault_target_of, segments_of
from harness.emulator.providers.arm.template_deployments import deployment_routes
from harness.emulator.routing import Route, Router
from harness.emulator.store import Store
from harness.emulator.wire import arm_error, json_response

_SUBSCRIPTION = "/subscriptions/{subscription}"
_NO_CACHE = [("cache-control", "no-cache"), ("pragma", "no-cache"), ("expires", "-1")]


class ResourceManager:
    """Plays ``management.azure.com``.

    Args:
        providers: the namespaces behind it. Each receives only authenticated requests with an API version, an existing
            subscription and, if the address has a group, an existing group.
        own: the emulator's own operations, which need a token but no API version.
        locked: ids of the resources that cannot be deleted.
        pace: speed of registrations: 1 is Azure's own timing, 0 is as fast as possible.
    """

    def __init__(
        self,
        identity: Identity,
        tokens: Tokens,
        *,
        store: Store,
        clock: Clock,
        providers: Sequence[ResourceProvider],
        own: Sequence[Route] = (),
        locked: Collection[str] = (),
        pace: float = 0.0,
    ) -> None:
        self._locked = {scope.lower() for scope in locked}
        self._identity = identity
        self._tokens = tokens
        self._store = store
        self._clock = clock
        self._deletions = Deletions(store, providers)
        self._registrations = Registrations(store, clock, pace)
        self._groups = ResourceGroups(store, clock, self._deletions)
        self._namespaces = {provider.namespace.lower(): provider for provider in providers}
        self._router = Router([*self.routes, *own, *(route for provider in providers for route in provider.routes)])

    @property
    def routes(self) -> tuple[Route, ...]:
        """Resource Manager's own operations."""
        return (
            Route("GET", metadata.PATH, "Metadata_Endpoints", self._endpoints),
            Route("GET", "/tenants", "Tenants_List", self._tenants),
            Route("GET", "/subscriptions", "Subscriptions_List", self._subscriptions),
            Route("GET", _SUBSCRIPTION, "Subscriptions_Get", self._subscription),
            *self._registrations.routes,
            *self._groups.routes,
            *deployment_routes(),
        )

    def plays(self, host: str) -> bool:
        """Whether a host is Resource Manager's."""
        return host == "management.azure.com"

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return arm_error(400, "InvalidRequestUri", message)

    def broken(self) -> Response:
        """The response to a request on which the emulator itself failed."""
        return arm_error(500, "InternalServerError", "The emulator failed; see its log.")

    async def handle(self, request: Request) -> Response:
        """Authenticate a request, check the parameters that every request needs, route and answer it."""
        try:
            self._admit(request)
            response = self._refusal(request) or await self._dispatch(request)
        except InvalidTokenError as error:
            response = self._unauthenticated(error)
        except InvalidContentError as error:
            response = arm_error(400, error.code, str(error))
        except BodyTooLargeError:
            response = arm_error(413, "RequestEntityTooLarge", "The request body is longer than 4 MiB.")
        return _add_headers(response, request)

    def fault_target(self, request: Request) -> FaultTarget | None:
        """The group of a request; None for the emulator's own operations."""
        return fault_target_of(request.path)

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        if trouble == "expired":
            return _add_headers(self._expired(request), request)
        subscription, now = self._identity.subscription_id, self._clock.now()
        return _add_headers(fault_response(request, trouble, subscription=subscription, now=now), request)

    def _admit(self, request: Request) -> None:
        """Check the token, unless the operation needs none, and the roles of its application.

        A fault that expires tokens does not apply to requests that end faults.

        Raises:
            InvalidTokenError: the token is not accepted.
        """
        if request.method == "GET" and request.path.rstrip("/").lower() == metadata.PATH:
            return
        try:
            bearer = self._tokens.verify(request.headers.get("authorization", ""), request.ahead)
        except ExpiredTokenError as error:
            if error.revoked is None or fault_target_of(request.path):
                raise
            bearer = error.revoked
        if action := action_of(request.method, request.path):
            self._tokens.check_role(bearer, action, request.path)
        request.trust()

    def _expired(self, request: Request) -> Response:
        try:
            return self._unauthenticated(self._tokens.revoke(request.headers.get("authorization", "")))
        except InvalidTokenError as error:
            return self._unauthenticated(error)

    def _unauthenticated(self, error: InvalidTokenError) -> Response:
        if isinstance(error, ExpiredTokenError):
            return errors.expired(str(error), self._clock.now(), revoked=error.revoked is not None)
        if isinstance(error, NoRoleError):
            return arm_error(403, "AuthorizationFailed", str(error))
        return errors.unauthenticated(str(error))

    def reconcile(self, now: datetime) -> float | None:
        """Finish deletions whose group is empty."""
        return self._deletions.reconcile(now)

    def _refusal(self, request: Request) -> Response | None:
        """The error response of the checks before routing; None if the request passes them."""
        segments, lower = segments_of(request.path)
        if "api-version" not in request.query:
            return None if lower[:2] == OWN_PREFIX else errors.missing_api_version()
        if lower[0] != "subscriptions" or len(segments) < 2:
            return None
        subscription = segments[1]
        if lower[1] != self._identity.subscription_id:
            return errors.subscription_not_found(subscription)
        if request.method == "DELETE" and f"/{'/'.join(lower)}" in self._locked:
            return errors.scope_locked(f"/{'/'.join(segments)}")
        if len(segments) > 5 and lower[2] == "resourcegroups" and lower[4] == "providers":
            group = self._store.get(ResourceGroup, group_key(subscription, segments[3]))
            if group is None:
                return errors.group_not_found(segments[3])
            if group.deleting and request.method in ("PUT", "PATCH"):
                return errors.group_being_deleted(group.name)
            return self._registrations.refusal(request, subscription, segments[5])
        if len(segments) > 4 and lower[2] == "providers" and lower[3] in self._namespaces:
            return (
                None
                if lower[4] in ("register", "unregister")
                else self._registrations.refusal(request, subscription, segments[3])
            )
        return None

    async def _dispatch(self, request: Request) -> Response:
        route = self._router.match(request)
        if route is None:
            if allowed := self._router.methods(request.path):
                return errors.method_not_allowed(request.method, allowed)
            return errors.no_such_operation(request.method, request.path)
        response = route.handler(request)
        return response if isinstance(response, Response) else await response

    def _endpoints(self, request: Request) -> Response:
        return json_response(200, metadata.endpoints(request.query["api-version"]))

    def _tenants(self, _request: Request) -> Response:
        tenant = self._identity.tenant_id
        return json_response(200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant}]})

    def _subscriptions(self, _request: Request) -> Response:
        return json_response(200, {"value": [self._subscription_document()]})

    def _subscription(self, _request: Request) -> Response:
        return json_response(200, self._subscription_document())

    def _subscription_document(self) -> dict[str, object]:
        subscription = self._identity.subscription_id
        return {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": self._identity.tenant_id,
            "displayName": "Emulator",
            "state": "Enabled",
            "subscriptionPolicies": {"spendingLimit": "Off"},
            "authorizationSource": "RoleBased",
        }


def _add_headers(response: Response, request: Request) -> Response:
    """Add the headers that all responses of Resource Manager have."""
    request_id = new_guid()
    response.headers += [
        *_NO_CACHE,
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-ms-request-id", request_id),
        ("x-ms-correlation-request-id", request.headers.get("x-ms-correlation-request-id", request_id)),
    ]
    return response
