"""The base of every resource: it is journalled, then created, and deleted in the end."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from harness.clouds import Clients, Cloud
from harness.clouds.retry_policy import DELETION
from harness.errors import CloudError, HarnessError, JournalError, ProvisioningError
from harness.interruption import Interruption
from harness.resources.azure_errors import KnownErrors, azure_errors
from harness.resources.events import Began, Ended, Event, Noted, Sink, TeardownFailed
from harness.resources.journal import Entry, Journal
from harness.resources.owner import Owner, this_process


@dataclass(frozen=True)
class Provisioning:
    """Where resources are created, and for which run.

    Attributes:
        clients: those of the cassette that the resource is recorded in.
        run: the identity of the run, which the journal and the tags hold.
        interruption: decides where a signal may interrupt the creation; it never interrupts a deletion.
        owner: the process that the resources belong to; where several processes share them, one that outlives them all.
        lifetime: how long a resource is meant to live; ``harness reap`` may delete it afterwards.
        known_errors: the meanings of the error codes of the service.
    """

    cloud: Cloud
    clients: Clients
    journal: Journal
    sink: Sink
    run: str
    interruption: Interruption = field(default_factory=Interruption)
    owner: Owner = field(default_factory=this_process)
    lifetime: timedelta = timedelta(days=1)
    known_errors: KnownErrors = field(default_factory=KnownErrors)

    @property
    def expires(self) -> datetime:
        """When anybody may delete a resource that is created now."""
        return self.cloud.clock.now() + self.lifetime

    def errors(self, what: str, *, otherwise: type[CloudError] = ProvisioningError) -> AbstractContextManager[None]:
        """A block in which errors of the SDKs become errors of the harness.

        Args:
            what: the request, for the message: ``create cluster mycluster``.
            otherwise: raised for a refusal that is neither about sign-in nor retirement.
        """
        return azure_errors(what, self.cloud.name, otherwise=otherwise, known=self.known_errors)


def retried(delete: Callable[[], None], cloud: Cloud) -> None:
    """Delete something, and repeat that after growing pauses if the cloud refuses and has not ended.

    Raises:
        CloudError: the cloud refused the last time, too.
    """
    retries = DELETION.retries(cloud.clock)
    while True:
        try:
            delete()
        except CloudError:
            if cloud.has_ended() or not retries.wait():
                raise
        else:
            return


class Resource(ABC):
    """A resource is journalled before it is created, and deleted on exit, also if its creation was cut short."""

    kind: str

    def __init__(self, provisioning: Provisioning, *, group: str, name: str) -> None:
        self.provisioning = provisioning
        self.group = group
        self.name = name

    def check(self) -> None:  # noqa: B027 - most resources have nothing to refuse
        """Refuse what must not be created, before anything is.

        Raises:
            CloudError: the name is taken.
        """

    @abstractmethod
    def create(self) -> None:
        """Create it, and return when it is usable."""

    @property
    def is_created(self) -> bool:
        """Whether this run may have created it, so that this run deletes it."""
        return True

    @abstractmethod
    def delete(self) -> None:
        """Delete it, and return when it does not exist any more; one that never existed is no error."""

    def adopt(self) -> bool:
        """Whether an earlier run has left it and it can be used; otherwise it is created.

        Raises:
            CloudError: it exists and cannot be used.
        """
        return False

    def release(self) -> None:
        """Mark it as kept: its run has ended, and the next run may use it, on any machine.

        If the cloud refuses the mark, runs on other machines cannot use the resource until it expires.
        """
        try:
            with self.provisioning.errors(f"mark {self.kind} {self.name} as kept"):
                self.mark_as_kept()
        except CloudError as error:
            self._report(Noted(str(error)))

    def mark_as_kept(self) -> None:  # noqa: B027 - most resources carry no tags
        """Write the mark into its tags, if it belongs to this run."""

    def remember(self) -> dict[str, Any]:
        """What another process that shares it must know, as a JSON object."""
        return {}

    def recall(self, facts: Mapping[str, Any]) -> None:  # noqa: B027 - most resources have nothing to take
        """Restore what ``remember`` returned in the process that created it."""

    def open(self) -> None:
        """Journal it, then create it; if the creation fails or is interrupted, what exists of it is deleted.

        Raises:
            CloudError: it cannot be created.
            JournalError: it cannot be journalled; then nothing is created.
            Interrupted: the process was asked to end.
        """
        provisioning = self.provisioning
        with provisioning.interruption.allowed():
            with provisioning.errors(f"create {self.kind} {self.name}"):
                self.check()
            provisioning.journal.append(self._entry(deleted=False))
            try:
                self._report(Began("creating", self.name))
                with provisioning.errors(f"create {self.kind} {self.name}"):
                    self.create()
                self._report(Ended("creating", self.name))
            except BaseException as error:
                self.close(after=error)
                raise

    def close(self, *, after: BaseException | None = None) -> None:
        """Delete it. A signal waits until that is done, and a refusal is reported, not raised.

        Args:
            after: the error that ends the run; no error of the deletion may hide it.

        Raises:
            UnmatchedRequestError: the deletion was not recorded.
        """
        with self.provisioning.interruption.held():
            try:
                self._tear_down()
            except HarnessError as error:
                if after is None:
                    raise
                self._report(TeardownFailed(self.name, str(error)))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(after=error)

    def _tear_down(self) -> None:
        if self.is_created:
            self._report(Began("deleting", self.name))
            try:
                retried(self._delete, self.provisioning.cloud)
            except CloudError as error:
                if not self.provisioning.cloud.has_ended():  # then the run ends with an error that says so once
                    self._report(TeardownFailed(self.name, f"{error}; delete what is left with: harness reap"))
                return
            self._report(Ended("deleting", self.name))
        try:
            self.provisioning.journal.append(self._entry(deleted=True))
        except JournalError as error:
            self._report(Noted(f"the journal still lists {self.kind} {self.name}: {error}"))

    def _delete(self) -> None:
        with self.provisioning.errors(f"delete {self.kind} {self.name}"):
            self.delete()

    def _entry(self, *, deleted: bool) -> Entry:
        provisioning = self.provisioning
        return Entry(
            provisioning.run,
            self.kind,
            self.group,
            self.name,
            "deleted" if deleted else "creating",
            cloud=provisioning.cloud.name,
            place=provisioning.cloud.facts.place,
            account=provisioning.cloud.facts.storage_account,
            expires=provisioning.expires.isoformat(timespec="seconds"),
            owner=provisioning.owner,
        )

    def _report(self, event: Event) -> None:
        self.provisioning.sink(event)
