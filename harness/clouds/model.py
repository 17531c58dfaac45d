"""What a cloud is to those who use it: facts, a clock, and clients for one session."""

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
    """What a scenario cannot know: whose subscription, which storage account, who administers the nodes.

    Attributes:
        storage_key: of the account; empty where its containers are reached with the sign-in, and its shares not at all.
        run: identity of the run that this cloud was opened for; what it creates is tagged with it.
        suffix: a short form of that, of letters and digits, for names that must be unique.
        directory: the emulator's data directory; empty elsewhere.
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
    def place(self) -> str:
        """What tells clouds of one name apart: the emulator's data directory, else the subscription."""
        return self.directory or self.subscription_id


@dataclass(frozen=True)
class Poller:
    """Waiting on a cloud's clock.

    Attributes:
        interval: seconds between the first two looks.
        longest: seconds between two looks at most; pauses grow while nothing happens. Default: they do not.
    """

    clock: Clock
    interval: float
    longest: float = 0.0

    def pauses(self) -> Iterator[float]:
        """Seconds to wait between looks, without end."""
        pause = self.interval
        while True:
            yield pause
            pause = max(self.interval, min(pause * _GROWTH, self.longest))

    def until(self, look: Callable[[], T], done: Callable[[T], bool], *, deadline: float) -> T | None:
        """Look again and again until ``done``; None when ``deadline`` seconds have passed first."""
        end = self.clock.monotonic() + deadline
        for pause in self.pauses():
            seen = look()
            if done(seen):
                return seen
            if self.clock.monotonic() >= end:
                break
            self.clock.sleep(pause)
        return None


@dataclass(frozen=True)
class Clients:
    """The SDK clients of one cassette, over one session that repeats failed requests, and how it does so.

    Attributes:
        make_resources: makes the client of Resource Manager over that session, once it is wanted.
        make_files: the same for Azure Files.
        make: makes a management client, of any service, over that session.
        make_storage: the same for a client of the storage account.
        recorded: reads what the cassette that is replayed says about where it comes from; elsewhere nothing.
    """

    make_resources: "Callable[[], ResourceManagementClient]"
    make_files: "Callable[[], FileService]"
    session: requests.Session
    poller: Poller
    retry_policy: RetryPolicy
    make: Callable[[type[Any]], Any]
    make_storage: Callable[[type[Any], str], Any]
    recorded: Callable[[], Mapping[str, str]] = dict
    _made: dict[type[Any], Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def resources(self) -> "ResourceManagementClient":
        """Resource Manager."""
        return self.make_resources()

    @cached_property
    def files(self) -> "FileService":
        """Azure Files of the storage account."""
        return self.make_files()

    def management(self, kind: type[T]) -> T:
        """The management client of a kind, such as ``azure.mgmt.batchai.BatchAI``; it is made once.

        Args:
            kind: takes a credential and a subscription id, as the SDKs' clients do.
        """
        if kind not in self._made:
            self._made[kind] = self.make(kind)
        client: T = self._made[kind]
        return client

    def storage(self, kind: type[T], service: str) -> T:
        """The client of a service of the storage account, such as ``azure.storage.blob.BlobServiceClient``; made once.

        Args:
            kind: takes the address of the account and its key, as storage's newer SDKs do.
            service: the part of that address which names the service: ``blob``.
        """
        if kind not in self._made:
            self._made[kind] = self.make_storage(kind, service)
        client: T = self._made[kind]
        return client


class Cloud(Protocol):
    """Where a scenario runs."""

    @property
    def name(self) -> str:
        """``replay``, ``emulator`` or ``azure``."""

    @property
    def facts(self) -> CloudFacts:
        """Whose cloud it is."""

    @property
    def clock(self) -> Clock:
        """The time there."""

    @property
    def poller(self) -> Poller:
        """How to wait there."""

    def clients(self, cassette: str, *, source: Path | None = None) -> AbstractContextManager[Clients]:
        """Clients for one session.

        Args:
            cassette: ``<scenario>/<resource or trial id>``.
            source: the scenario file that the session belongs to; no other one may record over it.

        Raises:
            CassetteError: the cassette is missing (replay), or would replace that of another session (record).
        """

    @property
    def injects(self) -> bool:
        """Whether faults can be ordered there."""

    def has_ended(self) -> bool:
        """Whether nobody will ever answer again: what answered was of this run alone, and its process has ended."""

    def inject(self, plan: FaultPlan) -> None:
        """Have the faults of a plan injected until it is withdrawn, where that can be ordered."""

    def withdraw(self, plan: FaultPlan) -> None:
        """Have them injected no longer."""
