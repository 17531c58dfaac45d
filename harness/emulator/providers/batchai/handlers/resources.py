"""The common part of the handlers of every type of resource: show, list and delete."""

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
from harness.emulator.providers.batchai.handlers.lists import list_page
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.migrated import MIGRATED_EXPERIMENT, is_migrated
from harness.emulator.providers.batchai.model.version import Document, Version

R = TypeVar("R", bound=Resource)
F = TypeVar("F", Cluster, FileServer, Job)  # the resources that API versions before 2018-05 have, too


class ResourceHandlers(ABC, Generic[R]):
    """The handlers of a type of resource.

    ``record`` is its record, and ``type_path`` its type in messages about API versions.
    """

    record: ClassVar[type[Any]]
    type_path: ClassVar[str]

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing

    @abstractmethod
    def show(self, version: Version, resource: R) -> Document:
        """The resource in the form of an API version."""

    @abstractmethod
    def last_modified(self, resource: R) -> datetime:
        """The time that ``ETag`` and ``Last-Modified`` show."""

    @abstractmethod
    def deletion_seconds(self, version: Version, resource: R) -> float:
        """How long the deletion of the resource takes, at a pace of 1.

        Raises:
            BatchAIError: the resource cannot be deleted now.
        """

    def get(self, request: Request) -> Response:
        """Show a resource."""
        version = self.version(request)
        resource = self.find(request, version)
        show = partial(self.show, version)
        return self._service.cached_response(resource, version, show, last_modified=self.last_modified(resource))

    def delete(self, request: Request) -> Response:
        """Begin to delete a resource with everything in it."""
        version = self.version(request)
        resource: R | None = self._addressing.get(request, self.record, version)
        if resource is None:
            return self._service.empty_response(204, is_write=version.is_flat)
        seconds = self.deletion_seconds(version, resource)
        return self._service.delete(request, resource, version, seconds=seconds)

    def version(self, request: Request) -> Version:
        """The API version of a request.

        Raises:
            BatchAIError: the version does not have this type of resource, or not at this address.
        """
        return self._service.version(request, self.type_path, "2018-05-01")

    def find(self, request: Request, version: Version) -> R:
        """The resource of a request.

        Raises:
            BatchAIError: it does not exist.
        """
        resource: R = self._addressing.find(request, self.record, version)
        return resource

    def completed_response(self, version: Version, resource: R) -> Response:
        """The response to a completed write, which shows the resource."""
        document = self.show(version, resource)
        return self._service.resource_response(document, self.last_modified(resource), is_write=True)

    def refuse_change(self, existing: R, *, is_same: bool) -> None:
        """Refuse a PUT of a resource that is being deleted or has another definition.

        Raises:
            BatchAIError: the refusal.
        """
        if existing.deleting:
            raise errors.being_deleted(existing.kind, existing.address.name)
        if not is_same:
            raise errors.different_definition(existing.kind, existing.address.name)

    def list_below(self, request: Request, version: Version, prefixes: Sequence[str]) -> Response:
        """A page of the resources whose keys begin with one of the prefixes."""
        return list_page(
            self._service,
            request,
            self.record,
            version=version,
            prefixes=prefixes,
            show=partial(self.show, version),
            include=lambda resource: not version.is_flat or is_migrated(resource.address),
        )


class FlatResourceHandlers(ResourceHandlers[F]):
    """The handlers of a type of resource that API versions before 2018-05 have directly in the resource group.

    ``parent`` is the record of the parent that the resource has since 2018-05, and ``parent_path`` the parent's type in
    messages.
    """

    parent: ClassVar[type[Any]]
    parent_path: ClassVar[str]

    def version(self, request: Request) -> Version:
        """The API version of a request; it must fit an address with or without a workspace."""
        return self._service.version_by_address(request, self.type_path, self.parent_path)

    def list_in_parent(self, request: Request) -> Response:
        """List the resources of a workspace or an experiment."""
        version = self.version(request)
        parent: Workspace | Experiment = self._addressing.find(request, self.parent, version)
        return self.list_below(request, version, [f"{parent.key}/{self._type}/"])

    def list_in_group(self, request: Request) -> Response:
        """List the resources of a resource group, in earlier API versions."""
        workspaces = self._addressing.migrated_workspaces(request.params["subscription"], request.params["group"])
        experiment = f"/experiments/{MIGRATED_EXPERIMENT}" if self.parent is Experiment else ""
        prefixes = [f"{workspace.key}{experiment}/{self._type}/" for workspace in workspaces]
        return self.list_below(request, self.version(request), prefixes)

    def list_all(self, request: Request) -> Response:
        """List the resources of a subscription, in earlier API versions."""
        prefix = f"/subscriptions/{request.params['subscription']}/".lower()
        return self.list_below(request, self.version(request), [prefix])

    @property
    def _type(self) -> str:
        kind = self.record.kind
        return TYPES[BATCH_AI][kind][-1]
