"""What a cloud is to those who use it: facts, a clock, and clients for one story."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import requests
from azure.mgmt.batchai import BatchAI
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.file import FileService

from harness.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True)
class CloudFacts:
    """What a scenario cannot know: whose subscription, which storage account, who administers the nodes."""

    subscription_id: str
    storage_account: str
    storage_key: str = field(repr=False)
    admin_user: str
    admin_password: str = field(repr=False)


@dataclass(frozen=True)
class Poller:
    """Waiting on a cloud's clock.

    Attributes:
        interval: seconds between two looks.
    """

    clock: Clock
    interval: float

    def until(self, look: Callable[[], T], done: Callable[[T], bool], *, deadline: float) -> T | None:
        """Look again and again until ``done``; None when ``deadline`` seconds have passed first."""
        end = self.clock.monotonic() + deadline
        while not done(seen := look()):
            if self.clock.monotonic() >= end:
                return None
            self.clock.sleep(self.interval)
        return seen


@dataclass(frozen=True)
class Clients:
    """The SDK clients of one story, over one session."""

    batchai: BatchAI
    resources: ResourceManagementClient
    files: FileService
    session: requests.Session
    poller: Poller


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

    def clients(self, cassette: str) -> AbstractContextManager[Clients]:
        """Clients for one story, ``<scenario>/<resource or trial id>``."""
