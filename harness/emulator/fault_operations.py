"""The emulator's own operations, which Azure does not have, on fault plans."""

from collections.abc import Sequence
from typing import Any

from harness.emulator.context import Request, Response
from harness.emulator.faults.active import Faults
from harness.emulator.providers.arm.rules import InvalidContentError, parse_object
from harness.emulator.routing import Route
from harness.emulator.wire import arm_error, json_response
from harness.errors import UserError
from harness.fault_plans import ADDRESS, parse_plan

_ITEM_ADDRESS = ADDRESS + "/{name}"


class FaultPlans:
    """The handlers that create, show and delete fault plans."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    @property
    def routes(self) -> Sequence[Route]:
        """The operations."""
        return (
            Route("GET", ADDRESS, "Faults_List", self._list),
            Route("PUT", _ITEM_ADDRESS, "Faults_Create", self._put),
            Route("GET", _ITEM_ADDRESS, "Faults_Get", self._get),
            Route("DELETE", _ITEM_ADDRESS, "Faults_Delete", self._delete),
        )

    def _list(self, _request: Request) -> Response:
        return json_response(200, {"value": [self._shown(name) for name in self._faults.names()]})

    async def _put(self, request: Request) -> Response:
        name, document = request.params["name"], parse_object(await request.read())
        try:
            self._faults.put(parse_plan(name, document))
        except UserError as error:
            raise InvalidContentError("InvalidFaultPlan", str(error)) from error
        return json_response(200, self._shown(name))

    def _get(self, request: Request) -> Response:
        name = request.params["name"]
        if shown := self._shown(name):
            return json_response(200, shown)
        names = ", ".join(self._faults.names()) or "none"
        return arm_error(404, "FaultPlanNotFound", f"There is no fault plan '{name[:100]}'. In force: {names}.")

    def _delete(self, request: Request) -> Response:
        return Response(200 if self._faults.delete(request.params["name"]) else 204)

    def _shown(self, name: str) -> dict[str, Any]:
        entry = self._faults.get(name)
        return entry[0].wire() | {"struck": entry[1]} if entry else {}
