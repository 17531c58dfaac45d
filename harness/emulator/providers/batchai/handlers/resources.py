"""What the handlers of every type of resource share: they show, list and delete it in the same way."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import BATCH_AI, TYPES
from harness.emulator.engine.model.records import Cluster, Experiment, FileServer, Job, Resource, Workspace
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.lists import listed
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.migrated import MIGRATED_EXPERIMENT, is_migrated
from harness.emulator.providers.batchai.model.version import Document, Version

R = TypeVar("R", bound=Resource)
F = TypeVar("F", Cluster, FileServer, Job)  # what API versions before 2018-05 have too


class ResourceHandlers(ABC, Generic[R]):
    """The handlers of a type of resource.

    ``record`` is its record, and ``words`` its type in sentences about API versions.
    """

    record: ClassVar[type[Any]]
    words: ClassVar[str]

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing

    @abstractmethod
    def show(self, version: Version, resource: R) -> Document:
        """The resource as an API version writes it."""

    @abstractmethod
    def written(self, resource: R) -> datetime:
        """The moment that ``ETag`` and ``Last-Modified`` show."""

    @abstractmethod
    def deletion_seconds(self, version: Version, resource: R) -> float:
        """How long it takes to delete the resource, at a pace of 1.

        Raises:
            BatchAIError: it cannot be deleted now.
        """

    def get(self, request: Request) -> Response:
        """Show a resource."""
        version = self.version(request)
        resource = self.find(request, version)
        return self._service.polled(resource, version, partial(self.show, version), written=self.written(resource))

    def delete(self, request: Request) -> Response:
        """Begin to delete a resource, with everything that is in it."""
        version = self.version(request)
        resource: R | None = self._addressing.get(request, self.record, version)
        if resource is None:
            return self._service.empty(204, is_write=version.is_flat)
        seconds = self.deletion_seconds(version, resource)
        return self._service.delete(request, resource, version, seconds=seconds)

    def version(self, request: Request) -> Version:
        """The API version of a request.

        Raises:
            BatchAIError: it does not have this type of resource, or not at this address.
        """
        return self._service.version(request, self.words, "2018-05-01")

    def find(self, request: Request, version: Version) -> R:
        """The resource that a request is about.

        Raises:
            BatchAIError: there is none.
        """
        found: R = self._addressing.find(request, self.record, version)
        return found

    def shown(self, version: Version, resource: R) -> Response:
        """The response to a write that is complete."""
        return self._service.one(self.show(version, resource), self.written(resource), is_write=True)

    def refuse_change(self, found: R, *, is_same: bool) -> None:
        """Refuse a PUT over a resource that is being deleted or has another definition.

        Raises:
            BatchAIError: the refusal.
        """
        if found.deleting:
            raise errors.being_deleted(found.kind, found.address.name)
        if not is_same:
            raise errors.different_definition(found.kind, found.address.name)

    def list_below(self, request: Request, version: Version, prefixes: Sequence[str]) -> Response:
        """A page of the resources whose keys begin with one of the prefixes."""
        return listed(
            self._service,
            request,
            self.record,
            version=version,
            prefixes=prefixes,
            show=partial(self.show, version),
            wanted=lambda resource: not version.is_flat or is_migrated(resource.address),
        )


class FlatResourceHandlers(ResourceHandlers[F]):
    """The handlers of a type of resource that API versions before 2018-05 have in the resource group itself.

    ``parent`` is the record of what the resource is in since 2018-05, and ``above`` the type of that in sentences.
    """

    parent: ClassVar[type[Any]]
    above: ClassVar[str]

    def version(self, request: Request) -> Version:
        """The API version of a request, which decides whether its address has a workspace."""
        return self._service.placed_version(request, self.words, self.above)

    def list_in_parent(self, request: Request) -> Response:
        """The resources of a workspace or an experiment."""
        version = self.version(request)
        parent: Workspace | Experiment = self._addressing.find(request, self.parent, version)
        return self.list_below(request, version, [f"{parent.key}/{self._type}/"])

    def list_in_group(self, request: Request) -> Response:
        """The resources of a resource group, in earlier versions."""
        workspaces = self._addressing.migrated_workspaces(request.params["subscription"], request.params["group"])
        experiment = f"/experiments/{MIGRATED_EXPERIMENT}" if self.parent is Experiment else ""
        prefixes = [f"{workspace.key}{experiment}/{self._type}/" for workspace in workspaces]
        return self.list_below(request, self.version(request), prefixes)

    def list_all(self, request: Request) -> Response:
        """The resources of a subscription, in earlier versions."""
        prefix = f"/subscriptions/{request.params['subscription']}/".lower()
        return self.list_below(request, self.version(request), [prefix])

    @property
    def _type(self) -> str:
        kind = self.record.kind
        return TYPES[BATCH_AI][kind][-1]
