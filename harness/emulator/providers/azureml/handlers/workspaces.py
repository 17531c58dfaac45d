"""Workspaces: what everything else lies in."""

import uuid

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails, wire


class Workspaces:
    """The operations on workspaces."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def ensure(self, address: Address, *, location: str, storage_account: str) -> None:
        """Have a workspace ready, over a storage account whose id is given; one that is there stays as it is."""
        store = self._service.repository.store
        if store.get(Workspace, address.key("workspace")):
            return
        now = self._service.now()
        workspace = Workspace(address, location, None, created=now, written=now)
        details = WorkspaceDetails(
            workspace_id=str(uuid.uuid4()),
            principal_id=str(uuid.uuid4()),
            friendly_name=address.name,
            storage_account=storage_account,
            key_vault="",
            application_insights="",
        )
        with store.transaction():
            store.put(workspace.key, details)
            self._service.repository.keep(workspace)

    def get(self, request: Request) -> Response:
        """Show one."""
        return self._service.document(self._shown(self._service.workspace(request)))

    def patch(self, request: Request) -> Response:
        """Give it other tags."""
        workspace = self._service.workspace(request)
        tags = parse_tags(self._service.body(request))
        if tags is not None:
            workspace = replace(workspace, tags=tags, written=self._service.now())
            self._service.repository.keep(workspace)
        return self._service.document(self._shown(workspace))

    def list_in_group(self, request: Request) -> Response:
        """Those of a resource group."""
        first = Address(request.params["subscription"], request.params["group"], ("",), MACHINE_LEARNING)
        return self._list(first.key("workspace"))

    def list_all(self, request: Request) -> Response:
        """Those of the subscription."""
        return self._list(f"/subscriptions/{request.params['subscription']}/".lower())

    def _list(self, prefix: str) -> Response:
        found = self._service.repository.store.list(Workspace, prefix)
        shown = [self._shown(each) for _, each in found if each.address.namespace == MACHINE_LEARNING]
        return self._service.document({"value": shown})

    def _shown(self, workspace: Workspace) -> dict[str, object]:
        details = self._service.details(workspace)
        return wire(workspace, details, tenant=self._service.identity.tenant_id, by=self._service.author)
