"""The emulator's own operations, which Azure does not have, on the limits of the subscription."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from harness.emulator.context import Request, Response
from harness.emulator.providers.arm.rules import InvalidContentError, parse_object
from harness.emulator.routing import Route
from harness.emulator.subscription_limits import SubscriptionLimit, SubscriptionLimits
from harness.emulator.wire import arm_error, json_response
from harness.errors import EmulatorError

ADDRESS = "/providers/Harness.Emulator/limits"
_ITEM_ADDRESS = ADDRESS + "/{name}"


class LimitOperations:
    """The handlers that create, show and delete limits.

    Args:
        changed: called after each change, since a cluster that lacked quota may get its nodes now.
    """

    def __init__(self, limits: SubscriptionLimits, changed: Callable[[], None]) -> None:
        self._limits = limits
        self._changed = changed

    @property
    def routes(self) -> Sequence[Route]:
        """The operations."""
        return (
            Route("GET", ADDRESS, "Limits_List", self._list),
            Route("PUT", _ITEM_ADDRESS, "Limits_Create", self._put),
            Route("GET", _ITEM_ADDRESS, "Limits_Get", self._get),
            Route("DELETE", _ITEM_ADDRESS, "Limits_Delete", self._delete),
        )

    def _list(self, _request: Request) -> Response:
        return json_response(200, {"value": [self._shown(name) for name in self._limits.names()]})

    async def _put(self, request: Request) -> Response:
        name, document = request.params["name"], parse_object(await request.read())
        document.pop("name", None)
        try:
            self._limits.put(name, msgspec.convert(document, SubscriptionLimit))
        except (msgspec.ValidationError, EmulatorError) as error:
            raise InvalidContentError("InvalidLimit", str(error)) from error
        self._changed()
        return json_response(200, self._shown(name))

    def _get(self, request: Request) -> Response:
        name = request.params["name"]
        if shown := self._shown(name):
            return json_response(200, shown)
        names = ", ".join(self._limits.names()) or "none"
        return arm_error(404, "LimitNotFound", f"There are no limits named '{name[:100]}'. In force: {names}.")

    def _delete(self, request: Request) -> Response:
        is_deleted = self._limits.delete(request.params["name"])
        self._changed()
        return Response(200 if is_deleted else 204)

    def _shown(self, name: str) -> dict[str, Any]:
        limit = self._limits.get(name)
        return {"name": name, **msgspec.to_builtins(limit)} if limit else {}
