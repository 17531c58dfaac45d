"""Workspaces, which contain all other resources."""

import uuid
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.arm.rules import parse_location, parse_tags
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.handlers.datastores import Datastores
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.workspace import SoftDeletedWorkspace, WorkspaceDetails, wire
from harness.emulator.providers.azureml.rules.bodies import WorkspaceBody
from harness.emulator.providers.azureml.rules.names import check_workspace_name
from harness.emulator.storage_service import Accounts

_CREATE, _DELETE = 30.0, 20.0  # seconds that a creation takes; the recorded template deployment took a minute
_OPERATIONS = "workspaceOperationsStatus"
_REQUIRED = {  # the types of resources that a workspace depends on, by their member in the body
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "keyVault": "Microsoft.KeyVault/vaults",
    "applicationInsights": "Microsoft.Insights/components",
}
_REGISTRY = {"containerRegistry": "Microsoft.ContainerRegistry/registries"}


class Workspaces:
    """The operations on workspaces.

    Args:
        exists: whether the resource with an id exists.
    """

    def __init__(
        self, service: Service, datastores: Datastores, accounts: Accounts, exists: Callable[[str], bool]
    ) -> None:
        self._service = service
        self._datastores = datastores
        self._accounts = accounts
        self._exists = exists

    def ensure(self, address: Address, *, location: str, details: WorkspaceDetails) -> None:
        """Create a workspace, unless it exists."""
        store = self._service.repository.store
        if store.get(Workspace, address.key("workspace")):
            return
        now = self._service.now()
        with store.transaction():
            workspace = Workspace(address, location, None, created=now, written=now, provisioned=now)
            self._service.repository.keep(workspace)
            self._complete(workspace, details)

    def put(self, request: Request) -> Response:
        """Create a workspace, whose resources must exist, or change its changeable properties."""
        address = self._service.address(request)
        check_workspace_name(address.name)
        document = self._service.body(request, WorkspaceBody)
        properties = document.get("properties") or {}
        existing = self._service.repository.store.get(Workspace, address.key("workspace"))
        if existing is None:
            return self._create(request, address, document, properties)
        if existing.deleting:
            raise errors.conflict(f"The workspace {address.name} is being deleted.")
        return self._update(existing, document, properties)

    def patch(self, request: Request) -> Response:
        """Change the tags and the changeable properties."""
        document = self._service.body(request, WorkspaceBody)
        return self._update(self._service.workspace(request), document, document.get("properties") or {})

    def get(self, request: Request) -> Response:
        """Show a workspace."""
        return self._service.document(self._document(self._service.workspace(request)))

    def delete(self, request: Request) -> Response:
        """Delete a workspace with its contents. Unless purged, it can be recovered and its name cannot be reused."""
        address = self._service.address(request)
        store, key = self._service.repository.store, address.key("workspace")
        is_purged = request.query.get("forcetopurge", "false").lower() == "true"
        workspace = store.get(Workspace, key)
        if workspace is None:
            if is_purged and store.delete(SoftDeletedWorkspace, key):
                return Response(200)
            return Response(204)
        store.put(key, replace(self._service.details(workspace), is_purged_when_deleted=is_purged))
        operation = self._service.engine.operations.delete(workspace, target=address.name, seconds=_DELETE)
        return self._service.accepted(request, operation, _OPERATIONS, workspace.location)

    def list_keys(self, request: Request) -> Response:
        """The keys of the resources that the workspace depends on."""
        details = self._service.details(self._service.workspace(request))
        account = self._accounts.get(details.account)
        document = {
            "userStorageKey": account.keys[0] if account else None,
            "userStorageResourceId": details.storage_account,
            "appInsightsInstrumentationKey": None,
            "containerRegistryCredentials": None,
            "notebookAccessKeys": None,
        }
        return self._service.document(document)

    def list_in_group(self, request: Request) -> Response:
        """The workspaces of a resource group."""
        first = Address(request.params["subscription"], request.params["group"], ("",), MACHINE_LEARNING)
        return self._list(first.key("workspace"))

    def list_all(self, request: Request) -> Response:
        """The workspaces of the subscription."""
        return self._list(f"/subscriptions/{request.params['subscription']}/".lower())

    def forget(self, workspace: Workspace) -> None:
        """Delete the provider's record of a deleted workspace; keep the details that a recovery needs."""
        store, key = self._service.repository.store, workspace.key
        details = store.get(WorkspaceDetails, key)
        by_request = workspace.deleting and workspace.deleting.operation  # not together with its group
        if details and by_request and not details.is_purged_when_deleted:
            deleted = SoftDeletedWorkspace(
                workspace.location, workspace.tags, workspace.created, self._service.now(), details
            )
            store.put(key, deleted)
        store.delete(WorkspaceDetails, key)

    def _create(
        self, request: Request, address: Address, document: dict[str, Any], properties: dict[str, Any]
    ) -> Response:
        store, location = self._service.repository.store, parse_location(document)
        deleted = store.get(SoftDeletedWorkspace, address.key("workspace"))
        if deleted and not properties.get("allowRecoverSoftDeletedWorkspace"):
            raise errors.soft_deleted()
        details = deleted.details if deleted else self._read(address.name, properties)
        now = self._service.now()
        workspace = Workspace(
            address, deleted.location if deleted else location, parse_tags(document), created=now, written=now
        )
        store.delete(SoftDeletedWorkspace, workspace.key)
        operation = self._service.engine.operations.create(workspace, target=address.name, seconds=_CREATE)
        self._complete(workspace, replace(details, is_purged_when_deleted=False))
        return self._service.accepted(request, operation.id, _OPERATIONS, workspace.location)

    def _complete(self, workspace: Workspace, details: WorkspaceDetails) -> None:
        self._service.repository.store.put(workspace.key, details)
        self._datastores.create_first(workspace, details)

    def _update(self, workspace: Workspace, document: dict[str, Any], properties: dict[str, Any]) -> Response:
        details = self._service.details(workspace)
        details = replace(
            details,
            friendly_name=properties.get("friendlyName") or details.friendly_name,
            description=properties.get("description", details.description) or "",
            image_build_compute=properties.get("imageBuildCompute", details.image_build_compute),
            public_network_access=properties.get("publicNetworkAccess") or details.public_network_access,
            container_registry=self._dependency(properties, _REGISTRY) or details.container_registry,
        )
        tags = parse_tags(document)
        workspace = replace(workspace, tags=workspace.tags if tags is None else tags, written=self._service.now())
        self._service.repository.store.put(workspace.key, details)
        self._service.repository.keep(workspace)
        return self._service.document(self._document(workspace))

    def _read(self, name: str, properties: dict[str, Any]) -> WorkspaceDetails:
        """The details of a new workspace.

        Raises:
            AzureMLError: a resource that it depends on is not named, or does not exist.
        """
        ids = {key: self._dependency(properties, {key: type_}) for key, type_ in _REQUIRED.items()}
        missing = [key for key, identifier in ids.items() if not identifier]
        if missing:
            raise errors.invalid(f"A workspace needs the resource ids of {', '.join(missing)}.", "ArgumentInvalid")
        return WorkspaceDetails(
            workspace_id=str(uuid.uuid4()),
            principal_id=str(uuid.uuid4()),
            friendly_name=properties.get("friendlyName") or name,
            storage_account=ids["storageAccount"],
            key_vault=ids["keyVault"],
            application_insights=ids["applicationInsights"],
            container_registry=self._dependency(properties, _REGISTRY),
            description=properties.get("description") or "",
            image_build_compute=properties.get("imageBuildCompute"),
            is_high_business_impact=bool(properties.get("hbiWorkspace", False)),
            public_network_access=properties.get("publicNetworkAccess") or "Enabled",
        )

    def _dependency(self, properties: dict[str, Any], dependency: dict[str, str]) -> str:
        """The id of a resource that a body names; empty if it names none.

        Raises:
            AzureMLError: the resource is not of the right type, or does not exist.
        """
        ((name, type_),) = dependency.items()
        identifier: str = properties.get(name) or ""
        if identifier and f"/providers/{type_}/".lower() not in identifier.lower():
            raise errors.invalid(f"'{name}' is not the id of a resource of the type {type_}.", "ArgumentInvalid")
        if identifier and not self._exists(identifier):
            text = f"The resource '{identifier}' of '{name}' does not exist; create it first."
            raise errors.invalid(text, "ArgumentInvalid")
        return identifier

    def _list(self, prefix: str) -> Response:
        workspaces = self._service.repository.store.list(Workspace, prefix)
        documents = [
            self._document(workspace) for _, workspace in workspaces if workspace.address.namespace == MACHINE_LEARNING
        ]
        return self._service.document({"value": documents})

    def _document(self, workspace: Workspace) -> dict[str, object]:
        details = self._service.details(workspace)
        return wire(workspace, details, tenant=self._service.identity.tenant_id, by=self._service.author)
