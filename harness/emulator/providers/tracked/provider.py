"""A namespace with one tracked type, whose resources are created and deleted at once and have no data plane."""

import uuid
from collections.abc import Sequence

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.identity import Identity
from harness.emulator.providers.arm.rules import InvalidContentError, parse_location, parse_object, parse_tags
from harness.emulator.providers.tracked.model import TrackedResource, TrackedType, wire
from harness.emulator.routing import Route
from harness.emulator.store import Store
from harness.emulator.wire import arm_error, json_response


class TrackedResources:
    """The resource provider of one type.

    Args:
        kind: the type.
        identity: has the tenant that resources show.
    """

    def __init__(self, kind: TrackedType, identity: Identity, *, store: Store, clock: Clock) -> None:
        self.namespace = kind.namespace
        self._kind = kind
        self._identity = identity
        self._store = store
        self._clock = clock

    @property
    def routes(self) -> Sequence[Route]:
        """The operations of the namespace."""
        subscription = f"/subscriptions/{{subscription}}/providers/{self._kind.full_name}"
        group = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{self._kind.full_name}"
        name = self._kind.name.capitalize()
        return (
            Route("GET", subscription, f"{name}_ListBySubscription", self._list),
            Route("GET", group, f"{name}_ListByResourceGroup", self._list),
            Route("PUT", f"{group}/{{name}}", f"{name}_CreateOrUpdate", self._put),
            Route("GET", f"{group}/{{name}}", f"{name}_Get", self._get),
            Route("DELETE", f"{group}/{{name}}", f"{name}_Delete", self._delete),
        )

    def ensure(self, group: str, name: str, location: str) -> str:
        """Create a resource in the group with a given id, unless it exists, and return the resource's id."""
        identifier = f"{group}/providers/{self._kind.full_name}/{name}"
        if self._store.get(TrackedResource, identifier.lower()) is None:
            now, kind = self._clock.now(), self._kind
            resource = TrackedResource(identifier, name, kind.full_name, location, {}, now, str(uuid.uuid4()))
            self._store.put(identifier.lower(), resource)
        return identifier

    def has(self, identifier: str) -> bool:
        """Whether the resource with an id exists."""
        return self._store.get(TrackedResource, identifier.lower()) is not None

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Delete everything in a group."""
        self._store.delete_all(TrackedResource, self._prefix(subscription, group))

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether a group contains no resource of this type."""
        return not self._store.list(TrackedResource, self._prefix(subscription, group))

    async def _put(self, request: Request) -> Response:
        document = parse_object(await request.read())
        name = request.params["name"]
        if not self._kind.pattern.fullmatch(name):
            text = f"The name '{name[:80]}' is not valid for {self._kind.full_name}: it has {self._kind.rule}."
            raise InvalidContentError("InvalidResourceName", text)
        properties = document.get("properties") or {}
        if not isinstance(properties, dict):
            raise InvalidContentError("InvalidRequestContent", "The property 'properties' must be an object.")
        location, tags = parse_location(document), parse_tags(document)
        existing = self._lookup(request)
        base = self._base(request.params["subscription"], request.params["group"])
        resource = existing or TrackedResource(
            f"{base}/{name}", name, self._kind.full_name, location, {}, self._clock.now(), str(uuid.uuid4())
        )
        resource = replace(
            resource,
            tags=tags or {},
            kind=document.get("kind", resource.kind),
            sku=document.get("sku") or (dict(self._kind.sku) if self._kind.sku else None),
            properties=properties,
        )
        self._store.put(resource.id.lower(), resource)
        return json_response(200 if existing else 201, self._document(resource))

    def _get(self, request: Request) -> Response:
        resource = self._lookup(request)
        if resource is None:
            text = (
                f"The Resource '{self._kind.full_name}/{request.params['name']}' under resource group "
                f"'{request.params['group']}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix"
            )
            return arm_error(404, "ResourceNotFound", text)
        return json_response(200, self._document(resource))

    def _delete(self, request: Request) -> Response:
        resource = self._lookup(request)
        if resource is None:
            return Response(204)
        self._store.delete(TrackedResource, resource.id.lower())
        return Response(200)

    def _list(self, request: Request) -> Response:
        group = request.params.get("group")
        prefix = self._prefix(request.params["subscription"], group) if group else ""
        resources = [
            resource
            for _, resource in self._store.list(TrackedResource, prefix)
            if resource.type == self._kind.full_name
        ]
        return json_response(200, {"value": [self._document(resource) for resource in resources]})

    def _lookup(self, request: Request) -> TrackedResource | None:
        base = self._base(request.params["subscription"], request.params["group"])
        return self._store.get(TrackedResource, f"{base}/{request.params['name']}".lower())

    def _document(self, resource: TrackedResource) -> dict[str, object]:
        return wire(self._kind, resource, self._identity.tenant_id)

    def _base(self, subscription: str, group: str) -> str:
        return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{self._kind.full_name}"

    def _prefix(self, subscription: str, group: str) -> str:
        return f"{self._base(subscription, group)}/".lower()
