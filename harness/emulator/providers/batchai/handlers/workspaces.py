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
from harness.emulator.providers.batchai.rules.definitions import check_name, read_body, read_location_and_tags


class Workspaces(ResourceHandlers[Workspace]):
    """Workspaces, which contain all other resources."""

    record = Workspace
    type_path = "workspaces"

    def show(self, version: Version, resource: Workspace) -> Document:
        """A workspace in the form of an API version."""
        return version.workspace(resource)

    def last_modified(self, resource: Workspace) -> datetime:
        """When the tags were last written."""
        return resource.written

    def deletion_seconds(self, version: Version, resource: Workspace) -> float:  # noqa: ARG002 - the same for all
        """A workspace is deleted with everything in it."""
        return version.times.delete_workspace

    def put(self, request: Request) -> Response:
        """Create a workspace; a PUT of an existing one shows it."""
        version = self.version(request)
        address = self._addressing.address(request)
        check_name("workspace", address.name, version)
        location, tags = read_location_and_tags(read_body(request.content))
        workspace = self._addressing.get(request, Workspace, version)
        if workspace is None:
            now = self._service.now()
            workspace = Workspace(address, location, tags, created=now, written=now)
            self._service.repository.keep(workspace)
        elif workspace.deleting:
            raise errors.being_deleted("workspace", workspace.address.name)
        elif workspace.location != location:
            raise errors.wrong_location(address.name, address.group, existing=workspace.location, requested=location)
        return self.completed_response(version, workspace)

    def patch(self, request: Request) -> Response:
        """Change the tags of a workspace."""
        version = self.version(request)
        workspace = self.find(request, version)
        tags = parse_tags(read_body(request.content))
        if tags is not None:
            workspace = replace(workspace, tags=tags, written=self._service.now())
            self._service.repository.keep(workspace)
        return self.completed_response(version, workspace)

    def list_in_group(self, request: Request) -> Response:
        """List the workspaces of a resource group."""
        first = Address(request.params["subscription"], request.params["group"], ("",))
        return self.list_below(request, self.version(request), [first.key("workspace")])

    def list_all(self, request: Request) -> Response:
        """List the workspaces of a subscription."""
        prefix = f"/subscriptions/{request.params['subscription']}/".lower()
        return self.list_below(request, self.version(request), [prefix])


class Experiments(ResourceHandlers[Experiment]):
    """Sets of jobs in a workspace."""

    record = Experiment
    type_path = "workspaces/experiments"

    def show(self, version: Version, resource: Experiment) -> Document:
        """An experiment in the form of an API version."""
        return version.experiment(resource)

    def last_modified(self, resource: Experiment) -> datetime:
        """When the experiment was created, since it never changes."""
        return resource.created

    def deletion_seconds(self, version: Version, resource: Experiment) -> float:  # noqa: ARG002 - the same for all
        """An experiment is deleted with its jobs, including queued and running ones."""
        return version.times.delete_experiment

    def put(self, request: Request) -> Response:
        """Create an experiment; a PUT of an existing one shows it. The body may be empty."""
        version = self.version(request)
        address = self._addressing.address(request)
        check_name("experiment", address.name, version)
        if body := request.content:
            read_body(body)
        workspace = self._addressing.parent(address)
        experiment = self._addressing.get(request, Experiment, version)
        if experiment is None:
            experiment = Experiment(address, workspace.location, created=self._service.now())
            self._service.repository.keep(experiment)
        elif experiment.deleting:
            raise errors.being_deleted("experiment", experiment.address.name)
        return self.completed_response(version, experiment)

    def list_in_workspace(self, request: Request) -> Response:
        """List the experiments of a workspace."""
        version = self.version(request)
        workspace = self._addressing.find(request, Workspace, version)
        return self.list_below(request, version, [f"{workspace.key}/experiments/"])
