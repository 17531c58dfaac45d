"""The interfaces of the parts of Azure that the emulator plays."""

from collections.abc import Sequence
from typing import Protocol

from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import Place, Trouble
from harness.emulator.routing import Route


class ResourceProvider(Protocol):
    """A namespace of Resource Manager: its routes live under ``management.azure.com``."""

    namespace: str

    @property
    def routes(self) -> Sequence[Route]:
        """Its operations."""

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Begin to delete everything that it has in a resource group."""

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether it has nothing left in a resource group."""


class Host(Protocol):
    """A family of host names, and the responses there."""

    def plays(self, host: str) -> bool:
        """Whether a host (lower case, no port) is one of these."""

    async def handle(self, request: Request) -> Response:
        """Authenticate, route and answer a request; errors have this host's envelope."""

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""

    def broken(self) -> Response:
        """The response when the emulator has failed."""

    def place(self, request: Request) -> Place | None:
        """The target of a request for faults; None for the emulator's own operations, which no fault strikes."""

    def refuse(self, request: Request, trouble: Trouble) -> Response:
        """The response of an injected fault, in the service's words and envelope."""
