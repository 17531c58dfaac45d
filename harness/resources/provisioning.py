"""What every resource is made from, and how each is made and unmade."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from harness.clock import Clock
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
    """Where and for whom resources are made.

    Attributes:
        clients: those of the cassette that the resource is recorded in.
        run: identity of the run, written into the journal and into the group's tags.
        interruption: whom to ask where creating may be interrupted, and deleting not.
        owner: the process that what is made belongs to; where several share it, one that outlives them all.
        lifetime: how long what is made is meant to live; ``harness reap`` may delete it afterwards.
        known_errors: what error codes of the service mean that is used.
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
        """When what is made now may be deleted by anybody."""
        return self.cloud.clock.now() + self.lifetime

    def errors(self, what: str, *, otherwise: type[CloudError] = ProvisioningError) -> AbstractContextManager[None]:
        """A block in which what the SDKs raise becomes one of the harness's errors.

        Args:
            what: what is asked, for the message: ``create cluster mycluster``.
            otherwise: raised for a refusal that is neither about sign-in nor retirement.
        """
        return azure_errors(what, self.cloud.name, otherwise=otherwise, known=self.known_errors)


def retried(delete: Callable[[], None], clock: Clock) -> None:
    """Delete, and repeat it after growing pauses where the cloud does not.

    Raises:
        CloudError: it did not in the end.
    """
    retries = DELETION.retries(clock)
    while True:
        try:
            delete()
        except CloudError:
            if not retries.wait():
                raise
        else:
            return


class Resource(ABC):
    """Journalled, then created; deleted on exit whatever happened, also when creation was cut short."""

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
        """Make it, and return when it is of use."""

    @property
    def is_made(self) -> bool:
        """Whether this run may have made it, so that this run deletes it."""
        return True

    @abstractmethod
    def delete(self) -> None:
        """Unmake it, and return when it is gone; nothing to do where it is not there."""

    def adopt(self) -> bool:
        """Whether it is there from an earlier run and fit for use; one that is not, is created.

        Raises:
            CloudError: it is there and cannot be used.
        """
        return False

    def release(self) -> None:
        """Mark it as kept: its run has ended, and the next one may use it, on whichever machine.

        Where that is refused, another machine takes it for used until it expires, and this one does not.
        """
        try:
            with self.provisioning.errors(f"mark {self.kind} {self.name} as kept"):
                self.mark_as_kept()
        except CloudError as error:
            self._tell(Noted(str(error)))

    def mark_as_kept(self) -> None:  # noqa: B027 - most resources carry no tags
        """Write that into its tags, if it is ours."""

    def remember(self) -> dict[str, Any]:
        """What another process that shares it has to know, as JSON can say it."""
        return {}

    def recall(self, facts: Mapping[str, Any]) -> None:  # noqa: B027 - most resources have nothing to take
        """Take what ``remember`` of the process that created it tells."""

    def open(self) -> None:
        """Journal it, then make it; what a failure or an interruption leaves half made is deleted.

        Raises:
            CloudError: it cannot be made.
            JournalError: it cannot be journalled; then nothing is made.
            Interrupted: the process was asked to end.
        """
        made = self.provisioning
        with made.interruption.allowed():
            with made.errors(f"create {self.kind} {self.name}"):
                self.check()
            made.journal.append(self._entry(deleted=False))
            try:
                self._tell(Began("creating", self.name))
                with made.errors(f"create {self.kind} {self.name}"):
                    self.create()
                self._tell(Ended("creating", self.name))
            except BaseException as error:
                self.close(after=error)
                raise

    def close(self, *, after: BaseException | None = None) -> None:
        """Delete it; a signal waits until that is done, and a refusal is told, not raised.

        Args:
            after: the error that ends the run, which nothing that goes wrong here may hide.

        Raises:
            UnmatchedRequestError: the deletion was not recorded.
        """
        with self.provisioning.interruption.held():
            try:
                self._tear_down()
            except HarnessError as error:
                if after is None:
                    raise
                self._tell(TeardownFailed(self.name, str(error)))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(after=error)

    def _tear_down(self) -> None:
        if self.is_made:
            self._tell(Began("deleting", self.name))
            try:
                retried(self._delete, self.provisioning.cloud.clock)
            except CloudError as error:
                self._tell(TeardownFailed(self.name, f"{error}; delete what is left with: harness reap"))
                return
            self._tell(Ended("deleting", self.name))
        try:
            self.provisioning.journal.append(self._entry(deleted=True))
        except JournalError as error:
            self._tell(Noted(f"the journal still lists {self.kind} {self.name}: {error}"))

    def _delete(self) -> None:
        with self.provisioning.errors(f"delete {self.kind} {self.name}"):
            self.delete()

    def _entry(self, *, deleted: bool) -> Entry:
        made = self.provisioning
        return Entry(
            made.run,
            self.kind,
            self.group,
            self.name,
            "deleted" if deleted else "creating",
            cloud=made.cloud.name,
            place=made.cloud.facts.place,
            account=made.cloud.facts.storage_account,
            expires=made.expires.isoformat(timespec="seconds"),
            owner=made.owner,
        )

    def _tell(self, event: Event) -> None:
        self.provisioning.sink(event)
