"""Finds the resource of a request: in a workspace or, in earlier API versions, directly in the resource group.

The resources of earlier versions are stored in the workspace ``migrated-{location}``, and their jobs in its experiment
``migrated``: Azure moved them there when it introduced 2018-05, and that version shows them there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from harness.emulator.context import Request
from harness.emulator.engine.model.address import Address, Kind
from harness.emulator.engine.model.records import (
    Cluster,
    DeletedJob,
    Experiment,
    FileServer,
    Job,
    Resource,
    Workspace,
)
from harness.emulator.engine.repository import Repository
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.model.migrated import MIGRATED_EXPERIMENT, migrated_workspace
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.providers.batchai.rules.definitions import check_name, read_location_and_tags

R = TypeVar("R", bound=Resource)

_KINDS: dict[type[Any], Kind] = {
    Workspace: "workspace",
    Experiment: "experiment",
    Cluster: "cluster",
    FileServer: "file_server",
    Job: "job",
}
_PARENTS: tuple[tuple[type[Any], Kind], ...] = ((Workspace, "workspace"), (Experiment, "experiment"))
_PARAMETERS = ("workspace", "experiment", "cluster", "server", "job")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a resource is created. Only earlier API versions have tags on it."""

    address: Address
    location: str
    tags: dict[str, str] | None


class Addressing:
    """Finds the resources of requests."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def address(self, request: Request) -> Address:
        """The address of a request in a workspace."""
        parameters = request.params
        names = tuple(parameters[name] for name in _PARAMETERS if name in parameters)
        return Address(parameters["subscription"], parameters["group"], names)

    def find(self, request: Request, kind: type[R], version: Version) -> R:
        """The resource of a request.

        Raises:
            BatchAIError: it does not exist; the error is that of the API version.
        """
        resource = self.get(request, kind, version)
        if resource is not None:
            return resource
        if not version.is_flat:
            raise self._missing(self.address(request), kind)
        name, group = _name(request), request.params["group"]
        if kind is Job and version.name == "2018-03-01" and self._flat(request, DeletedJob, "job"):
            raise errors.not_found("job", name)
        raise errors.untracked(_KINDS[kind], name, group)

    def get(self, request: Request, kind: type[R], version: Version) -> R | None:
        """The resource of a request, or None."""
        if version.is_flat:
            resource: R | None = self._flat(request, kind, _KINDS[kind])
            return resource
        return self._repository.store.get(kind, self.address(request).key(_KINDS[kind]))

    def parent(self, address: Address) -> Workspace | Experiment:
        """The parent of a new resource.

        Raises:
            BatchAIError: the parent does not exist, or is being deleted.
        """
        ancestor = address.parent()
        kind, word = _PARENTS[len(ancestor.names) - 1]
        record: Any = self._repository.store.get(kind, ancestor.key(word))
        if record is None:
            raise self._missing(ancestor, kind)
        if record.deleting:
            raise errors.being_deleted(word, ancestor.name)
        parent: Workspace | Experiment = record
        return parent

    def destination(self, request: Request, kind: type[R], document: dict[str, Any], version: Version) -> Destination:
        """Where a PUT creates its resource.

        Raises:
            BatchAIError: the name is not allowed, the parent does not exist, or the resource is in another region.
        """
        check_name(_KINDS[kind], _name(request), version)
        if not version.is_flat:
            address = self.address(request)
            parent = self.parent(address)
            if parent.address == address.parent():  # so that thousands of children share the strings of its names
                address = parent.address.child(address.name)
            return Destination(address, parent.location, None)
        location, tags = read_location_and_tags(document)
        existing: Any = self._flat(request, kind, _KINDS[kind])
        if existing and existing.location != location:
            group = request.params["group"]
            raise errors.wrong_location(existing.address.name, group, existing=existing.location, requested=location)
        names = (migrated_workspace(location), *((MIGRATED_EXPERIMENT,) if kind is Job else ()), _name(request))
        return Destination(Address(request.params["subscription"], request.params["group"], names), location, tags)

    def prepare(self, destination: Destination, now: datetime) -> None:
        """Create the workspace and experiment for a resource of an earlier version, if they do not exist.

        Raises:
            BatchAIError: one of them is being deleted.
        """
        store = self._repository.store
        for size, (kind, word) in enumerate(_PARENTS[: len(destination.address.names) - 1], start=1):
            ancestor = Address(
                destination.address.subscription, destination.address.group, destination.address.names[:size]
            )
            parent: Any = store.get(kind, ancestor.key(word))
            if parent and parent.deleting:
                raise errors.being_deleted(word, ancestor.name)
            if parent is None and kind is Workspace:
                self._repository.keep(Workspace(ancestor, destination.location, None, created=now, written=now))
            elif parent is None:
                self._repository.keep(Experiment(ancestor, destination.location, created=now))

    def migrated_workspaces(self, subscription: str, group: str) -> list[Workspace]:
        """The workspaces that hold the resources of earlier API versions in a group, one for each region."""
        prefix = Address(subscription, group, ("migrated-",)).key("workspace")
        return [workspace for _, workspace in self._repository.store.list(Workspace, prefix)]

    def _flat(self, request: Request, kind: type[Any], word: Kind) -> Any:
        for workspace in self.migrated_workspaces(request.params["subscription"], request.params["group"]):
            inner = workspace.address.child(MIGRATED_EXPERIMENT) if word == "job" else workspace.address
            if resource := self._repository.store.get(kind, inner.child(_name(request)).key(word)):
                return resource
        return None

    def _missing(self, address: Address, kind: type[Any]) -> errors.BatchAIError:
        """The error that names the topmost missing resource of an address."""
        for size, (parent, word) in enumerate(_PARENTS[: len(address.names) - 1], start=1):
            ancestor = Address(address.subscription, address.group, address.names[:size])
            if self._repository.store.get(parent, ancestor.key(word)) is None:
                return errors.not_found(word, ancestor.name)
        return errors.not_found(_KINDS[kind], address.name)


def _name(request: Request) -> str:
    return next(request.params[name] for name in reversed(_PARAMETERS) if name in request.params)
