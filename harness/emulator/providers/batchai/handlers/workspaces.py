"""The handlers of workspaces and experiments, which only API version 2018-05-01 has."""

from datetime import datetime

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Experiment, Workspace
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.resources import ResourceHandlers
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.definitions import check_name, read_body, read_place


class Workspaces(ResourceHandlers[Workspace]):
    """Workspaces, which contain all other resources."""

    record = Workspace
    words = "workspaces"

    def show(self, version: Version, resource: Workspace) -> Document:
        """A workspace as an API version writes it."""
        return version.workspace(resource)

    def written(self, resource: Workspace) -> datetime:
        """When its tags were last written."""
        return resource.written

    def deletion_seconds(self, version: Version, resource: Workspace) -> float:  # noqa: ARG002 - the same for all
        """A workspace is deleted with everything that is in it."""
        return version.times.delete_workspace

    def put(self, request: Request) -> Response:
        """Create a workspace; a PUT over an existing one shows that."""
        version = self.version(request)
        address = self._addressing.address(request)
        check_name("workspace", address.name, version)
        location, tags = read_place(read_body(request.content))
        found = self._addressing.get(request, Workspace, version)
        if found is None:
            now = self._service.now()
            found = Workspace(address, location, tags, created=now, written=now)
            self._service.repository.keep(found)
        elif found.deleting:
            raise errors.being_deleted("workspace", found.address.name)
        elif found.location != location:
            raise errors.wrong_location(address.name, address.group, found=found.location, asked=location)
        return self.shown(version, found)

    def patch(self, request: Request) -> Response:
        """Change the tags of a workspace."""
        version = self.version(request)
        workspace = self.find(request, version)
        tags = parse_tags(read_body(request.content))
        if tags is not None:
            workspace = replace(workspace, tags=tags, written=self._service.now())
            self._service.repository.keep(workspace)
        return self.shown(version, workspace)

    def list_in_group(self, request: Request) -> Response:
        """The workspaces of a resource group."""
        first = Address(request.params["subscription"], request.params["group"], ("",))
        return self.list_below(request, self.version(request), [first.key("workspace")])

    def list_all(self, request: Request) -> Response:
        """The workspaces of a subscription."""
        prefix = f"/subscriptions/{request.params['subscription']}/".lower()
        return self.list_below(request, self.version(request), [prefix])


class Experiments(ResourceHandlers[Experiment]):
    """Sets of jobs in a workspace."""

    record = Experiment
    words = "workspaces/experiments"

    def show(self, version: Version, resource: Experiment) -> Document:
        """An experiment as an API version writes it."""
        return version.experiment(resource)

    def written(self, resource: Experiment) -> datetime:
        """When it was created: it never changes."""
        return resource.created

    def deletion_seconds(self, version: Version, resource: Experiment) -> float:  # noqa: ARG002 - the same for all
        """An experiment is deleted with its jobs, also those that are queued or run."""
        return version.times.delete_experiment

    def put(self, request: Request) -> Response:
        """Create an experiment; a PUT over an existing one shows that. The body may be empty."""
        version = self.version(request)
        address = self._addressing.address(request)
        check_name("experiment", address.name, version)
        if body := request.content:
            read_body(body)
        workspace = self._addressing.parent(address)
        found = self._addressing.get(request, Experiment, version)
        if found is None:
            found = Experiment(address, workspace.location, created=self._service.now())
            self._service.repository.keep(found)
        elif found.deleting:
            raise errors.being_deleted("experiment", found.address.name)
        return self.shown(version, found)

    def list_in_workspace(self, request: Request) -> Response:
        """The experiments of a workspace."""
        version = self.version(request)
        workspace = self._addressing.find(request, Workspace, version)
        return self.list_below(request, version, [f"{workspace.key}/experiments/"])
