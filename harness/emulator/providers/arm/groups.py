"""The operations on resource groups."""

import asyncio

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.providers.arm import errors
from harness.emulator.providers.arm.deletions import Deletions
from harness.emulator.providers.arm.model import GroupDeletion, ResourceGroup, group_key
from harness.emulator.providers.arm.rules import check_group_name, parse_location, parse_object, parse_tags
from harness.emulator.routing import Route
from harness.emulator.store import Store
from harness.emulator.wire import arm_error, json_response

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
_POLL_CHECKS, _CHECK_SECONDS = 100, 0.01  # of a deletion while a poll of it waits: their number and distance


class ResourceGroups:
    """The resource groups of a subscription."""

    def __init__(self, store: Store, clock: Clock, deletions: Deletions) -> None:
        self._store = store
        self._clock = clock
        self._deletions = deletions

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations on groups."""
        return (
            Route("GET", _SUBSCRIPTION + "/resourceGroups", "ResourceGroups_List", self._list),
            Route("PUT", _GROUP, "ResourceGroups_CreateOrUpdate", self._put),
            Route("GET", _GROUP, "ResourceGroups_Get", self._get),
            Route("HEAD", _GROUP, "ResourceGroups_CheckExistence", self._head),
            Route("PATCH", _GROUP, "ResourceGroups_Update", self._patch),
            Route("DELETE", _GROUP, "ResourceGroups_Delete", self._delete),
            Route("GET", _SUBSCRIPTION + "/operationresults/{operation}", "OperationResults_Get", self._poll),
        )

    def _list(self, request: Request) -> Response:
        groups = self._store.list(ResourceGroup, group_key(request.params["subscription"], ""))
        return json_response(200, {"value": [group.wire(request.query["api-version"]) for _, group in groups]})

    async def _put(self, request: Request) -> Response:
        subscription, name = request.params["subscription"], request.params["group"]
        check_group_name(name)
        document = parse_object(await request.read())
        location, tags = parse_location(document), parse_tags(document)
        key = group_key(subscription, name)
        existing = self._store.get(ResourceGroup, key)
        if existing and existing.deleting:
            return errors.group_being_deleted(existing.name)
        if existing and existing.location != location:
            text = (
                f"Invalid resource group location '{location}'. The Resource group already exists in "
                f"location '{existing.location}'."
            )
            return arm_error(409, "InvalidResourceGroupLocation", text)
        group = ResourceGroup(f"/subscriptions/{subscription}/resourceGroups/{name}", name, location, tags)
        group = replace(existing, tags=tags) if existing else group
        self._store.put(key, group)
        return json_response(200 if existing else 201, group.wire(request.query["api-version"]))

    def _get(self, request: Request) -> Response:
        group = self._find(request)
        return (
            json_response(200, group.wire(request.query["api-version"]))
            if group
            else errors.group_not_found(request.params["group"])
        )

    def _head(self, request: Request) -> Response:
        return Response(204 if self._find(request) else 404)

    async def _patch(self, request: Request) -> Response:
        document = parse_object(await request.read())
        group = self._find(request)
        if group is None:
            return errors.group_not_found(request.params["group"])
        if "tags" in document:
            group = replace(group, tags=parse_tags(document))
            self._store.put(group_key(request.params["subscription"], group.name), group)
        return json_response(200, group.wire(request.query["api-version"]))

    def _delete(self, request: Request) -> Response:
        subscription = request.params["subscription"]
        group = self._find(request)
        if group is None:
            return errors.group_not_found(request.params["group"])
        operation = self._deletions.begin(subscription, group, self._clock.now())
        return self._accepted(request, operation)

    async def _poll(self, request: Request) -> Response:
        """The state of a deletion. A poll waits a while for the end: some clients poll once a second at most."""
        operation = request.params["operation"]
        for _ in range(_POLL_CHECKS):
            deletion = self._store.get(GroupDeletion, operation)
            if deletion is None:
                return arm_error(404, "NotFound", "The operation could not be found.")
            if deletion.done:
                return Response(200)
            await asyncio.sleep(_CHECK_SECONDS)
        return self._accepted(request, operation)

    def _accepted(self, request: Request, operation: str) -> Response:
        base = f"https://management.azure.com/subscriptions/{request.params['subscription']}"
        address = f"{base}/operationresults/{operation}?api-version={request.query['api-version']}"
        return Response(202, headers=[("location", address), ("retry-after", "1")])

    def _find(self, request: Request) -> ResourceGroup | None:
        return self._store.get(ResourceGroup, group_key(request.params["subscription"], request.params["group"]))
