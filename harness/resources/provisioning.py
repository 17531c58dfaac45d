"""What every resource is made from, and how each is made and unmade."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from harness.clouds import Clients, Cloud
from harness.errors import CloudError
from harness.resources.events import Began, Ended, Sink, TeardownFailed
from harness.resources.journal import Entry, Journal
from harness.resources.refusals import refusals


@dataclass(frozen=True)
class Provisioning:
    """Where and for whom resources are made.

    Attributes:
        clients: those of the story that the resource belongs to.
        run: identity of the run, written into the journal and into the group's tags.
    """

    cloud: Cloud
    clients: Clients
    journal: Journal
    sink: Sink
    run: str


class Resource(ABC):
    """Journalled, then created; deleted on exit whatever happened, also when creation was cut short."""

    kind: str

    def __init__(self, provisioning: Provisioning, *, group: str, name: str) -> None:
        self.provisioning = provisioning
        self.group = group
        self.name = name

    @abstractmethod
    def create(self) -> None:
        """Make it, and return when it is of use."""

    @abstractmethod
    def delete(self) -> None:
        """Unmake it, and return when it is gone; nothing to do where it is not there."""

    def __enter__(self) -> Self:
        self.provisioning.journal.append(self._entry(deleted=False))
        self._tell(Began("creating", self.name))
        try:
            with refusals(f"create {self.kind} {self.name}", self.provisioning.cloud.name):
                self.create()
        except BaseException:
            self._tear_down()
            raise
        self._tell(Ended("creating", self.name))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tear_down()

    def _tear_down(self) -> None:
        self._tell(Began("deleting", self.name))
        try:
            with refusals(f"delete {self.kind} {self.name}", self.provisioning.cloud.name):
                self.delete()
        except CloudError as error:
            self._tell(TeardownFailed(self.name, f"{error}; delete what is left with: harness reap"))
            return
        self.provisioning.journal.append(self._entry(deleted=True))
        self._tell(Ended("deleting", self.name))

    def _entry(self, *, deleted: bool) -> Entry:
        return Entry(self.provisioning.run, self.kind, self.group, self.name, "deleted" if deleted else "creating")

    def _tell(self, event: Began | Ended | TeardownFailed) -> None:
        self.provisioning.sink(event)
