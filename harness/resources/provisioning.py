"""The base class of resources: they are journalled, then created, and finally deleted."""

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
from harness.resources.events import Event, Note, Sink, StepEnded, StepStarted, TeardownFailed
from harness.resources.journal import Entry, Journal
from harness.resources.owner import Owner, this_process


@dataclass(frozen=True)
class Provisioning:
    """The context in which resources are created: cloud, clients, journal and run.

    Attributes:
        clients: the clients of the cassette that records the resource.
        run: the identity of the run, which journal and tags contain.
        interruption: determines where a signal may interrupt the creation; it never interrupts a deletion.
        owner: the process that owns the resources; if several processes share them, one that outlives all of them.
        lifetime: the longest intended lifetime of a resource; ``harness reap`` may delete it afterwards.
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
        """The time at which any process may delete a resource that is created now."""
        return self.cloud.clock.now() + self.lifetime

    def errors(self, action: str, *, otherwise: type[CloudError] = ProvisioningError) -> AbstractContextManager[None]:
        """Convert errors of the SDKs in a block to errors of the harness.

        Args:
            action: the request, for the message: ``create cluster mycluster``.
            otherwise: the class of errors that concern neither sign-in nor retirement.
        """
        return azure_errors(action, self.cloud.name, otherwise=otherwise, known_errors=self.known_errors)


def delete_with_retries(delete: Callable[[], None], cloud: Cloud) -> None:
    """Delete a resource, and retry after growing pauses if the cloud refuses and has not ended.

    Raises:
        CloudError: the cloud refused the last attempt, too.
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
    """A resource that is journalled before it is created, and deleted on exit, even if its creation was interrupted."""

    kind: str

    def __init__(self, provisioning: Provisioning, *, group: str, name: str) -> None:
        self.provisioning = provisioning
        self.group = group
        self.name = name

    def check(self) -> None:  # noqa: B027 - most resources have nothing to refuse
        """Refuse a resource that must not be created, before any is created.

        Raises:
            CloudError: the name is taken.
        """

    @abstractmethod
    def create(self) -> None:
        """Create the resource, and return when it is usable."""

    @property
    def is_created(self) -> bool:
        """Whether this run may have created the resource, so that it deletes it."""
        return True

    @abstractmethod
    def delete(self) -> None:
        """Delete the resource, and return when it no longer exists; it is no error if it never existed."""

    def adopt(self) -> bool:
        """Whether an earlier run has left the resource and it is usable; otherwise it is created.

        Raises:
            CloudError: the resource exists and cannot be used.
        """
        return False

    def release(self) -> None:
        """Mark the resource as kept: its run has ended, and the next run may use it, on any machine.

        If the cloud refuses the mark, runs on other machines cannot use the resource until it expires.
        """
        try:
            with self.provisioning.errors(f"mark {self.kind} {self.name} as kept"):
                self.mark_as_kept()
        except CloudError as error:
            self._report(Note(str(error)))

    def mark_as_kept(self) -> None:  # noqa: B027 - most resources carry no tags
        """Write the mark into the tags of the resource, if it belongs to this run."""

    def remember(self) -> dict[str, Any]:
        """The state that another process needs to share the resource, as a JSON object."""
        return {}

    def recall(self, facts: Mapping[str, Any]) -> None:  # noqa: B027 - most resources have nothing to take
        """Restore the state that ``remember`` returned in the process that created the resource."""

    def open(self) -> None:
        """Journal the resource, then create it; if the creation fails or is interrupted, its parts are deleted.

        Raises:
            CloudError: the resource cannot be created.
            JournalError: the resource cannot be journalled; then nothing is created.
            Interrupted: a signal requested the end of the process.
        """
        provisioning = self.provisioning
        with provisioning.interruption.allowed():
            with provisioning.errors(f"create {self.kind} {self.name}"):
                self.check()
            provisioning.journal.append(self._entry(deleted=False))
            try:
                self._report(StepStarted("creating", self.name))
                with provisioning.errors(f"create {self.kind} {self.name}"):
                    self.create()
                self._report(StepEnded("creating", self.name))
            except BaseException as error:
                self.close(after=error)
                raise

    def close(self, *, after: BaseException | None = None) -> None:
        """Delete the resource. A signal waits until that is done, and a refusal is reported, not raised.

        Args:
            after: the error that ends the run; an error of the deletion must not hide it.

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
            self._report(StepStarted("deleting", self.name))
            try:
                delete_with_retries(self._delete, self.provisioning.cloud)
            except CloudError as error:
                if not self.provisioning.cloud.has_ended():  # otherwise the run ends with an error that reports it once
                    self._report(TeardownFailed(self.name, f"{error}; delete what is left with: harness reap"))
                return
            self._report(StepEnded("deleting", self.name))
        try:
            self.provisioning.journal.append(self._entry(deleted=True))
        except JournalError as error:
            self._report(Note(f"the journal still lists {self.kind} {self.name}: {error}"))

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
            place=provisioning.cloud.facts.scope,
            account=provisioning.cloud.facts.storage_account,
            expires=provisioning.expires.isoformat(timespec="seconds"),
            owner=provisioning.owner,
        )

    def _report(self, event: Event) -> None:
        self.provisioning.sink(event)
