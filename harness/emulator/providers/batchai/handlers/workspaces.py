"""Workspaces and experiments, of 2018-05 alone: made at once, deleted with all that is in them."""

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Experiment, Workspace
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.lists import listed
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.providers.batchai.rules.definitions import check_name, read_body, read_place

_VERSION = "2018-05-01"


class Workspaces:
    """What everything else lies in."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing

    def put(self, request: Request) -> Response:
        """Make one, or show the one that is there as it is."""
        version = self._version(request)
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
        return self._service.one(version.workspace(found), found.written, is_write=True)

    def patch(self, request: Request) -> Response:
        """Give it other tags."""
        version = self._version(request)
        workspace = self._addressing.find(request, Workspace, version)
        tags = parse_tags(read_body(request.content))
        if tags is not None:
            workspace = replace(workspace, tags=tags, written=self._service.now())
            self._service.repository.keep(workspace)
        return self._service.one(version.workspace(workspace), workspace.written, is_write=True)

    def get(self, request: Request) -> Response:
        """Show one."""
        version = self._version(request)
        workspace = self._addressing.find(request, Workspace, version)
        return self._service.one(version.workspace(workspace), workspace.written)

    def delete(self, request: Request) -> Response:
        """Delete one with all that is in it."""
        version = self._version(request)
        workspace = self._addressing.get(request, Workspace, version)
        if workspace is None:
            return self._service.empty(204)
        return self._service.delete(request, workspace, version, seconds=version.times.delete_workspace)

    def list_in_group(self, request: Request) -> Response:
        """Those of a resource group."""
        first = Address(request.params["subscription"], request.params["group"], ("",))
        return self._list(request, first.key("workspace"))

    def list_all(self, request: Request) -> Response:
        """Those of the subscription."""
        return self._list(request, f"/subscriptions/{request.params['subscription']}/".lower())

    def _list(self, request: Request, prefix: str) -> Response:
        version = self._version(request)
        return listed(self._service, request, Workspace, version=version, prefixes=[prefix], show=version.workspace)

    def _version(self, request: Request) -> Version:
        return self._service.version(request, "workspaces", _VERSION)


class Experiments:
    """Sets of jobs in a workspace."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing

    def put(self, request: Request) -> Response:
        """Make one, or show the one that is there as it is; a body is not needed."""
        version = self._version(request)
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
        return self._service.one(version.experiment(found), found.created, is_write=True)

    def get(self, request: Request) -> Response:
        """Show one."""
        version = self._version(request)
        experiment = self._addressing.find(request, Experiment, version)
        return self._service.one(version.experiment(experiment), experiment.created)

    def delete(self, request: Request) -> Response:
        """Delete one with its jobs, queued and running ones too."""
        version = self._version(request)
        experiment = self._addressing.get(request, Experiment, version)
        if experiment is None:
            return self._service.empty(204)
        return self._service.delete(request, experiment, version, seconds=version.times.delete_experiment)

    def list(self, request: Request) -> Response:
        """Those of a workspace."""
        version = self._version(request)
        workspace = self._addressing.find(request, Workspace, version)
        prefixes = [f"{workspace.key}/experiments/"]
        return listed(self._service, request, Experiment, version=version, prefixes=prefixes, show=version.experiment)

    def _version(self, request: Request) -> Version:
        return self._service.version(request, "workspaces/experiments", _VERSION)
