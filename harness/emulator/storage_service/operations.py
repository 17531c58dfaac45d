"""Operations of the storage services: what each needs of its caller, and the request that its handler gets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from harness.emulator.context import Request, Response
from harness.emulator.storage_service.access import Credential, Grant, Openness, Target
from harness.emulator.storage_service.bearer import action_of
from harness.emulator.storage_service.model import Service


@dataclass(frozen=True, slots=True)
class Call:
    """One authorized request.

    ``version`` is the REST version of its answer; ``credential`` is what authorized it.
    """

    request: Request
    target: Target
    version: str
    now: datetime
    credential: Credential


Handler = Callable[[Call], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service, by Azure's name, and what a SAS must grant for it.

    ``public`` is the public access that permits it without credentials; empty if none does.
    """

    name: str
    letters: str
    kind: str
    handler: Handler
    public: Openness = ""

    def grant(self, service: Service) -> Grant:
        """What the credentials of a request for the operation must grant."""
        return grant_of(service, self.name, self.letters, self.kind, self.public)


@lru_cache(maxsize=512)
def grant_of(service: Service, operation: str, letters: str, kind: str, public: Openness = "") -> Grant:
    """What the credentials of a request for an operation must grant; cached, since every request needs it."""
    return Grant(letters, kind, action_of(service, operation, letters=letters, kind=kind), public)


Address = tuple[str, str, str, str]  # level (service, share or path), method, restype, comp
Operations = Mapping[Address, Operation]
