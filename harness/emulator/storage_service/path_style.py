"""The storage services on plain ports, where the path or the host name names the account."""

from collections.abc import Container

from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.host_names import is_loopback
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.host import StorageHost
from harness.emulator.storage_service.model import Service


class PathStyle:
    """A storage service on a plain port.

    The account is the first segment of the path, or the first label of a host ``{account}.{service}.localhost``, or
    ``{account}.{service}.{name}``.

    Args:
        host: the service.
        names: the names that clients use for this machine, besides those of loopback.
    """

    def __init__(self, host: StorageHost, names: Container[str] = ()) -> None:
        self._host = host
        self._names = names

    def plays(self, host: str) -> bool:
        """Whether a host name means this machine; names that foreign name servers control do not."""
        return is_loopback(host) or host in self._names or _below(host, self._host.service) in self._names

    async def handle(self, request: Request) -> Response:
        """Handle a request for the account that the path or the host names."""
        return await self._host.handle_target(request, self._target(request))

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return self._host.malformed(message)

    def broken(self) -> Response:
        """The response when the emulator has failed."""
        return self._host.broken()

    def fault_target(self, request: Request) -> FaultTarget:
        """The share or container of a request."""
        return FaultTarget("storage", share=self._target(request).share)

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        return self._host.refuse_target(request, trouble, self._target(request))

    def _target(self, request: Request) -> Target:
        path = request.path.lstrip("/")
        if account := local_account(request.host, self._host.service):
            return self._host.target(request, account, path)
        account, _, rest = path.partition("/")
        return self._host.target(request, account, rest)


def local_account(host: str, service: Service) -> str:
    """The account that a host of this machine names, ``{account}.{service}.{name}``; empty if it names none."""
    return host.partition(".")[0] if _below(host, service) else ""


def _below(host: str, service: Service) -> str:
    """The name of this machine in ``{account}.{service}.{name}``; empty for any other host."""
    account, _, domain = host.partition(".")
    prefix = f"{service}."
    return domain.removeprefix(prefix) if account and domain.startswith(prefix) else ""
