"""The interface of clouds: facts, a clock, and clients for one session."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests

from harness.clock import Clock
from harness.clouds.retry_policy import RetryPolicy
from harness.fault_plans import FaultPlan

if TYPE_CHECKING:
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.storage.file import FileService

T = TypeVar("T")

_GROWTH = 1.25


@dataclass(frozen=True)
class CloudFacts:
    """The facts that a scenario does not contain: subscription, storage account, administrator of the nodes.

    Attributes:
        storage_key: the key of the account. If it is empty, containers are accessed with the sign-in, and shares cannot
            be accessed.
        run: the identity of the run that opened this cloud; the tags of its resources contain it.
        suffix: a short form of the identity, of letters and digits, for names that must be unique.
        directory: the emulator's data directory; empty for other clouds.
    """

    subscription_id: str
    storage_account: str
    storage_key: str = field(repr=False)
    admin_user: str
    admin_password: str = field(repr=False)
    run: str = ""
    suffix: str = ""
    directory: str = ""

    @property
    def scope(self) -> str:
        """Identifies a cloud among those of the same name: the emulator's data directory, else the subscription."""
        return self.directory or self.subscription_id


@dataclass(frozen=True)
class Poller:
    """Polls on a cloud's clock.

    Attributes:
        interval: the first pause between polls, in seconds.
        longest: the longest pause, in seconds; pauses grow up to it. By default they do not grow.
    """

    clock: Clock
    interval: float
    longest: float = 0.0

    def pauses(self) -> Iterator[float]:
        """Yield the pauses between polls, in seconds, endlessly."""
        pause = self.interval
        while True:
            yield pause
            pause = max(self.interval, min(pause * _GROWTH, self.longest))

    def until(self, poll: Callable[[], T], is_done: Callable[[T], bool], *, deadline: float) -> T | None:
        """Poll until ``is_done``, and return the last value; None if ``deadline`` seconds pass first."""
        end = self.clock.monotonic() + deadline
        for pause in self.pauses():
            value = poll()
            if is_done(value):
                return value
            if self.clock.monotonic() >= end:
                break
            self.clock.sleep(pause)
        return None


@dataclass(frozen=True)
class Clients:
    """The SDK clients of one cassette, over one session that retries failed requests.

    Attributes:
        make_resources: creates the client of Resource Manager at its first use.
        make_files: creates the client of Azure Files at its first use.
        make: creates a management client of any service.
        make_storage: creates a client of a service of the storage account.
        provenance: reads the provenance of the replayed cassette; empty in other clouds.
    """

    make_resources: "Callable[[], ResourceManagementClient]"
    make_files: "Callable[[], FileService]"
    session: requests.Session
    poller: Poller
    retry_policy: RetryPolicy
    make: Callable[[type[Any]], Any]
    make_storage: Callable[[type[Any], str], Any]
    provenance: Callable[[], Mapping[str, str]] = dict
    _clients: dict[type[Any], Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def resources(self) -> "ResourceManagementClient":
        """The client of Resource Manager."""
        return self.make_resources()

    @cached_property
    def files(self) -> "FileService":
        """The client of Azure Files in the storage account."""
        return self.make_files()

    def management(self, kind: type[T]) -> T:
        """The management client of a class, such as ``azure.mgmt.batchai.BatchAI``; it is created once.

        Args:
            kind: the class; it takes a credential and a subscription id, as the SDKs' clients do.
        """
        if kind not in self._clients:
            self._clients[kind] = self.make(kind)
        client: T = self._clients[kind]
        return client

    def storage(self, kind: type[T], service: str) -> T:
        """The client of a storage service, such as ``azure.storage.blob.BlobServiceClient``; it is created once.

        Args:
            kind: the class; it takes the address of the account and its key, as storage's newer SDKs do.
            service: the part of the address that names the service, such as ``blob``.
        """
        if kind not in self._clients:
            self._clients[kind] = self.make_storage(kind, service)
        client: T = self._clients[kind]
        return client


class Cloud(Protocol):
    """A cloud in which scenarios run."""

    @property
    def name(self) -> str:
        """``replay``, ``emulator`` or ``azure``."""

    @property
    def facts(self) -> CloudFacts:
        """The subscription, the account and other facts."""

    @property
    def clock(self) -> Clock:
        """The clock of the cloud; a replay steps it."""

    @property
    def poller(self) -> Poller:
        """Polls on the clock of the cloud."""

    def clients(self, cassette: str, *, source: Path | None = None) -> AbstractContextManager[Clients]:
        """Open the clients of one session.

        Args:
            cassette: ``<scenario>/<resource or trial id>``.
            source: the scenario file of the session; no other scenario may overwrite the cassette.

        Raises:
            CassetteError: the cassette is missing (replay), or would replace that of another session (record).
        """

    @property
    def injects(self) -> bool:
        """Whether this cloud can inject faults."""

    def has_ended(self) -> bool:
        """Whether the cloud can never respond again, because the emulator of this run has ended."""

    def inject(self, plan: FaultPlan) -> None:
        """Start to inject the faults of a plan, if this cloud can inject faults."""

    def withdraw(self, plan: FaultPlan) -> None:
        """Stop injecting the faults of a plan."""
