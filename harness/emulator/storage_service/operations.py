"""Operations of the storage services: the permissions that they need, and the calls of their handlers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from harness.emulator.context import Request, Response
from harness.emulator.storage_service.access import AccessLevel, Credential, Grant, Target
from harness.emulator.storage_service.bearer import action_of
from harness.emulator.storage_service.model import Service


@dataclass(frozen=True, slots=True)
class Call:
    """One authorized request.

    ``version`` is the REST version of the response; ``credential`` authorized the request.
    """

    request: Request
    target: Target
    version: str
    now: datetime
    credential: Credential


Handler = Callable[[Call], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service, by Azure's name, and the permissions that a SAS needs for it.

    ``public`` is the public access that permits it anonymously; empty if it needs credentials.
    """

    name: str
    letters: str
    kind: str
    handler: Handler
    public: AccessLevel = ""

    def grant(self, service: Service) -> Grant:
        """The permissions that a request for the operation needs."""
        return grant_of(service, self.name, self.letters, self.kind, self.public)


@lru_cache(maxsize=512)
def grant_of(service: Service, operation: str, letters: str, kind: str, public: AccessLevel = "") -> Grant:
    """The permissions that a request for an operation needs; cached, because every request reads it."""
    return Grant(letters, kind, action_of(service, operation, letters=letters, kind=kind), public)


Address = tuple[str, str, str, str]  # level (service, share or path), method, restype, comp
Operations = Mapping[Address, Operation]
