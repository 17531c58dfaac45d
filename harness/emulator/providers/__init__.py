"""The interfaces of the parts of Azure that the emulator plays."""

from collections.abc import Sequence
from typing import Protocol

from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.routing import Route


class ResourceProvider(Protocol):
    """A namespace of Resource Manager: its routes live under ``management.azure.com``."""

    namespace: str

    @property
    def routes(self) -> Sequence[Route]:
        """The operations of this namespace."""

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Start to delete every resource of this namespace in a resource group."""

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether a resource group contains no resource of this namespace."""


class Host(Protocol):
    """A service of Azure that is addressed by host names."""

    def plays(self, host: str) -> bool:
        """Whether a host name (lower case, no port) belongs to this service."""

    async def handle(self, request: Request) -> Response:
        """Authenticate, route and answer a request. Errors have this service's envelope."""

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""

    def broken(self) -> Response:
        """The response to a request on which the emulator itself failed."""

    def fault_target(self, request: Request) -> FaultTarget | None:
        """The part of Azure that a request uses; None for the emulator's own operations, which have no faults."""

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault, with the service's message and envelope."""
