"""What every part of Azure that the emulator plays looks like from outside."""

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
        """Start to delete everything it has in a resource group."""

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether nothing of it is left there."""


class Host(Protocol):
    """A family of host names and what answers there."""

    def plays(self, host: str) -> bool:
        """Whether a host (lower case, no port) is one of these."""

    async def handle(self, request: Request) -> Response:
        """Authenticate, route and answer, errors in this host's own envelope."""

    def malformed(self, message: str) -> Response:
        """The answer to a request that cannot be understood."""

    def broken(self) -> Response:
        """The answer when the emulator itself is at fault."""

    def place(self, request: Request) -> Place | None:
        """What a request concerns; None for the emulator's own operations, which no fault ever strikes."""

    def refuse(self, request: Request, trouble: Trouble) -> Response:
        """The answer of a service in trouble, in its words and envelope."""
