"""Azure Resource Manager's own operations, and the way to the resource providers behind it.

Answers as in the recorded sessions of the ``az`` command line and Microsoft's API reference.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.auth import ExpiredTokenError, InvalidTokenError, NoRoleError, Tokens
from harness.emulator.context import BodyTooLargeError, Request, Response
from harness.emulator.fault_targets import Place, Trouble
from harness.emulator.guids import new_guid
from harness.emulator.identity import Identity
from harness.emulator.providers import ResourceProvider
from harness.emulator.providers.arm import errors, metadata
from harness.emulator.providers.arm.deletions import Deletions
from harness.emulator.providers.arm.fault_responses import troubled
from harness.emulator.providers.arm.model import (
    GroupDeletion,
    Registration,
    ResourceGroup,
    group_key,
    registration_key,
)
from harness.emulator.providers.arm.rules import (
    ALWAYS_REGISTERED,
    NAMESPACES,
    OWN,
    InvalidContentError,
    check_group_name,
    namespace,
    parse_location,
    parse_object,
    parse_tags,
    place_of,
)
from harness.emulator.providers.arm.template_deployments import deployment_routes
from harness.emulator.routing import Route, Router
from harness.emulator.store import Store
from harness.emulator.wire import arm_error, json_response

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
_REGISTRATION = 60.0  # seconds that a registration takes at a pace of 1: an estimate, no recording shows it
_LOOKS, _LOOK_SECONDS = 100, 0.01  # at a deletion, while a poll of it is held
_NO_CACHE = [("cache-control", "no-cache"), ("pragma", "no-cache"), ("expires", "-1")]


class ResourceManager:
    """Plays ``management.azure.com``.

    Args:
        providers: the namespaces behind it; each gets only calls that are authenticated, name a version, an
            existing subscription and, where the address has one, an existing group.
        own: the emulator's own operations, which need a token and no version.
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
        self._pace = pace
        self._locked = {scope.lower() for scope in locked}
        self._identity = identity
        self._tokens = tokens
        self._store = store
        self._clock = clock
        self._deletions = Deletions(store, providers)
        self._namespaces = {provider.namespace.lower(): provider for provider in providers}
        self._router = Router([*self.routes, *own, *(route for provider in providers for route in provider.routes)])

    @property
    def routes(self) -> tuple[Route, ...]:
        """Resource Manager's own operations."""
        provider = _SUBSCRIPTION + "/providers/{namespace}"
        return (
            Route("GET", metadata.PATH, "Metadata_Endpoints", self._endpoints),
            Route("GET", "/tenants", "Tenants_List", self._tenants),
            Route("GET", "/subscriptions", "Subscriptions_List", self._subscriptions),
            Route("GET", _SUBSCRIPTION, "Subscriptions_Get", self._subscription),
            Route("GET", _SUBSCRIPTION + "/providers", "Providers_List", self._list_providers),
            Route("GET", provider, "Providers_Get", self._get_provider),
            Route("POST", provider + "/register", "Providers_Register", self._register),
            Route("POST", provider + "/unregister", "Providers_Unregister", self._unregister),
            Route("GET", _SUBSCRIPTION + "/resourceGroups", "ResourceGroups_List", self._list_groups),
            Route("PUT", _GROUP, "ResourceGroups_CreateOrUpdate", self._put_group),
            Route("GET", _GROUP, "ResourceGroups_Get", self._get_group),
            Route("HEAD", _GROUP, "ResourceGroups_CheckExistence", self._head_group),
            Route("PATCH", _GROUP, "ResourceGroups_Update", self._patch_group),
            Route("DELETE", _GROUP, "ResourceGroups_Delete", self._delete_group),
            Route("GET", _SUBSCRIPTION + "/operationresults/{operation}", "OperationResults_Get", self._poll),
            *deployment_routes(),
        )

    def plays(self, host: str) -> bool:
        """Whether a host is Resource Manager's."""
        return host == "management.azure.com"

    def malformed(self, message: str) -> Response:
        """A request that cannot be understood."""
        return arm_error(400, "InvalidRequestUri", message)

    def broken(self) -> Response:
        """The emulator is at fault."""
        return arm_error(500, "InternalServerError", "The emulator failed; see its log.")

    async def handle(self, request: Request) -> Response:
        """Authenticate, check what every call must have, route and answer."""
        try:
            self._admit(request)
            answer = self._refusal(request) or await self._routed(request)
        except InvalidTokenError as error:
            answer = self._unauthenticated(error)
        except InvalidContentError as error:
            answer = arm_error(400, error.code, str(error))
        except BodyTooLargeError:
            answer = arm_error(413, "RequestEntityTooLarge", "The request body is longer than 4 MiB.")
        return _enveloped(answer, request)

    def place(self, request: Request) -> Place | None:
        """The group of a request; None for the emulator's own operations."""
        return place_of(request.path)

    def refuse(self, request: Request, trouble: Trouble) -> Response:
        """Resource Manager in trouble."""
        if trouble == "expired":
            return _enveloped(self._expired(request), request)
        subscription, now = self._identity.subscription_id, self._clock.now()
        return _enveloped(troubled(request, trouble, subscription=subscription, now=now), request)

    def _admit(self, request: Request) -> None:
        """Check the token, unless the call needs none; faults that made it expire cannot keep anybody from ending them.

        Raises:
            InvalidTokenError: it is not accepted.
        """
        if request.method == "GET" and request.path.rstrip("/").lower() == metadata.PATH:
            return
        try:
            self._tokens.verify(request.headers.get("authorization", ""), request.ahead)
        except ExpiredTokenError as error:
            if not error.revoked or place_of(request.path):
                raise
        request.trust()

    def _expired(self, request: Request) -> Response:
        try:
            return self._unauthenticated(self._tokens.revoke(request.headers.get("authorization", "")))
        except InvalidTokenError as error:
            return self._unauthenticated(error)

    def _unauthenticated(self, error: InvalidTokenError) -> Response:
        if isinstance(error, ExpiredTokenError):
            return errors.expired(str(error), self._clock.now(), revoked=error.revoked)
        if isinstance(error, NoRoleError):
            return arm_error(403, "AuthorizationFailed", str(error))
        return errors.unauthenticated(str(error))

    def reconcile(self, now: datetime) -> float | None:
        """Finish deletions whose group is empty."""
        return self._deletions.reconcile(now)

    def _refusal(self, request: Request) -> Response | None:
        """What is wrong with a call before its operation is looked at."""
        words = request.path.strip("/").split("/")
        if "api-version" not in request.query:
            return None if [word.lower() for word in words[:2]] == OWN else errors.missing_api_version()
        if words[0].lower() != "subscriptions" or len(words) < 2:
            return None
        subscription = words[1]
        if subscription.lower() != self._identity.subscription_id:
            return errors.subscription_not_found(subscription)
        lower = [word.lower() for word in words]
        if request.method == "DELETE" and f"/{'/'.join(lower)}" in self._locked:
            return errors.scope_locked(f"/{'/'.join(words)}")
        if len(words) > 5 and lower[2] == "resourcegroups" and lower[4] == "providers":
            group = self._store.get(ResourceGroup, group_key(subscription, words[3]))
            if group is None:
                return errors.group_not_found(words[3])
            if group.deleting and request.method in ("PUT", "PATCH"):
                return errors.group_being_deleted(group.name)
            return self._unusable(request, subscription, words[5])
        if len(words) > 4 and lower[2] == "providers" and lower[3] in self._namespaces:
            return None if lower[4] in ("register", "unregister") else self._unusable(request, subscription, words[3])
        return None

    def _unusable(self, request: Request, subscription: str, name: str) -> Response | None:
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        state = self._registration(subscription, known).state
        if state == "Unused" and request.method not in ("GET", "HEAD"):
            self._store.put(registration_key(subscription, known), Registration(known, "Registered"))
        return errors.not_registered(known) if state == "NotRegistered" else None

    async def _routed(self, request: Request) -> Response:
        route = self._router.match(request)
        if route is None:
            if allowed := self._router.methods(request.path):
                return errors.method_not_allowed(request.method, allowed)
            return errors.no_such_operation(request.method, request.path)
        answer = route.handler(request)
        return answer if isinstance(answer, Response) else await answer

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

    def _list_providers(self, request: Request) -> Response:
        subscription = request.params["subscription"]
        found = [self._registration(subscription, name).wire(subscription) for name in NAMESPACES]
        return json_response(200, {"value": found})

    def _get_provider(self, request: Request) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        return json_response(200, self._registration(subscription, known).wire(subscription))

    def _register(self, request: Request) -> Response:
        until = self._clock.now() + timedelta(seconds=_REGISTRATION * self._pace)
        reached = ("Registered", "Registering")
        return self._move(request, reached, to=lambda name: Registration(name, "Registering", until))

    def _unregister(self, request: Request) -> Response:
        return self._move(request, ("NotRegistered",), to=lambda name: Registration(name, "NotRegistered"))

    def _move(self, request: Request, reached: Collection[str], to: Callable[[str], Registration]) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        registration = self._registration(subscription, known)
        if registration.state not in reached:
            registration = to(known)
            self._store.put(registration_key(subscription, known), registration)
        return json_response(200, registration.wire(subscription))

    def _registration(self, subscription: str, known: str) -> Registration:
        default = "Registered" if known in ALWAYS_REGISTERED else "Unused"
        found = self._store.get(Registration, registration_key(subscription, known)) or Registration(known, default)
        return found.at(self._clock.now())

    def _list_groups(self, request: Request) -> Response:
        groups = self._store.list(ResourceGroup, group_key(request.params["subscription"], ""))
        return json_response(200, {"value": [group.wire(request.query["api-version"]) for _, group in groups]})

    async def _put_group(self, request: Request) -> Response:
        subscription, name = request.params["subscription"], request.params["group"]
        check_group_name(name)
        document = parse_object(await request.read())
        location, tags = parse_location(document), parse_tags(document)
        key = group_key(subscription, name)
        found = self._store.get(ResourceGroup, key)
        if found and found.deleting:
            return errors.group_being_deleted(found.name)
        if found and found.location != location:
            text = (
                f"Invalid resource group location '{location}'. The Resource group already exists in "
                f"location '{found.location}'."
            )
            return arm_error(409, "InvalidResourceGroupLocation", text)
        group = ResourceGroup(f"/subscriptions/{subscription}/resourceGroups/{name}", name, location, tags)
        group = replace(found, tags=tags) if found else group
        self._store.put(key, group)
        return json_response(200 if found else 201, group.wire(request.query["api-version"]))

    def _get_group(self, request: Request) -> Response:
        group = self._group(request)
        return (
            json_response(200, group.wire(request.query["api-version"]))
            if group
            else errors.group_not_found(request.params["group"])
        )

    def _head_group(self, request: Request) -> Response:
        return Response(204 if self._group(request) else 404)

    async def _patch_group(self, request: Request) -> Response:
        document = parse_object(await request.read())
        group = self._group(request)
        if group is None:
            return errors.group_not_found(request.params["group"])
        if "tags" in document:
            group = replace(group, tags=parse_tags(document))
            self._store.put(group_key(request.params["subscription"], group.name), group)
        return json_response(200, group.wire(request.query["api-version"]))

    def _delete_group(self, request: Request) -> Response:
        subscription = request.params["subscription"]
        group = self._group(request)
        if group is None:
            return errors.group_not_found(request.params["group"])
        operation = self._deletions.begin(subscription, group, self._clock.now())
        return self._accepted(request, operation)

    async def _poll(self, request: Request) -> Response:
        """Done or not. A poll is held for a while: some clients cannot wait for less than a second."""
        operation = request.params["operation"]
        for _ in range(_LOOKS):
            deletion = self._store.get(GroupDeletion, operation)
            if deletion is None:
                return arm_error(404, "NotFound", "The operation could not be found.")
            if deletion.done:
                return Response(200)
            await asyncio.sleep(_LOOK_SECONDS)
        return self._accepted(request, operation)

    def _accepted(self, request: Request, operation: str) -> Response:
        base = f"https://management.azure.com/subscriptions/{request.params['subscription']}"
        address = f"{base}/operationresults/{operation}?api-version={request.query['api-version']}"
        return Response(202, headers=[("location", address), ("retry-after", "1")])

    def _group(self, request: Request) -> ResourceGroup | None:
        return self._store.get(ResourceGroup, group_key(request.params["subscription"], request.params["group"]))


def _enveloped(answer: Response, request: Request) -> Response:
    """An answer with what all of Resource Manager's carry."""
    request_id = new_guid()
    answer.headers += [
        *_NO_CACHE,
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-ms-request-id", request_id),
        ("x-ms-correlation-request-id", request.headers.get("x-ms-correlation-request-id", request_id)),
    ]
    return answer
