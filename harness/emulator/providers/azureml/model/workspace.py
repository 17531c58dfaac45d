"""Workspaces: the properties that the engine's record does not have, and the wire form."""

from datetime import datetime

from harness.emulator.engine.model.records import Record, Workspace
from harness.emulator.providers.azureml.model.documents import Document, format_utc_time

API_HOST = "api.azureml.ms"  # the domain of the data plane, below the region's name
TYPE = "Microsoft.MachineLearningServices/workspaces"


class WorkspaceDetails(Record, frozen=True):
    """The properties of a workspace besides its address, region and tags; stored under the workspace's key.

    ``workspace_id`` is the GUID that names its containers and shares. The four ids are those of the resources that it
    depends on; ``container_registry`` may be empty.
    """

    workspace_id: str
    principal_id: str
    friendly_name: str
    storage_account: str
    key_vault: str
    application_insights: str
    container_registry: str = ""
    description: str = ""
    image_build_compute: str | None = None
    is_high_business_impact: bool = False
    is_purged_when_deleted: bool = False
    public_network_access: str = "Enabled"

    @property
    def account(self) -> str:
        """The name of the storage account."""
        return self.storage_account.rpartition("/")[2].lower()


class SoftDeletedWorkspace(Record, frozen=True):
    """A deleted workspace that can be recovered; its name cannot be reused until it is purged. It has the same key."""

    location: str
    tags: dict[str, str] | None
    created: datetime
    deleted: datetime
    details: WorkspaceDetails


def api_host(location: str) -> str:
    """The host of the data plane in a region."""
    return f"{location}.{API_HOST}"


def wire(workspace: Workspace, details: WorkspaceDetails, *, tenant: str, by: str) -> Document:
    """The wire form of a workspace, with the recorded order of keys."""
    identifier, location = workspace.address.id("workspace"), workspace.location
    return {
        "id": identifier,
        "name": workspace.address.name,
        "type": TYPE,
        "location": location,
        "tags": workspace.tags or {},
        "etag": None,
        "properties": {
            "friendlyName": details.friendly_name,
            "description": details.description,
            "storageAccount": details.storage_account,
            "keyVault": details.key_vault,
            "applicationInsights": details.application_insights,
            "hbiWorkspace": details.is_high_business_impact,
            "tenantId": tenant,
            "imageBuildCompute": details.image_build_compute,
            "provisioningState": _state(workspace),
            "v1LegacyMode": False,
            "softDeleteEnabled": False,
            "containerRegistry": details.container_registry or None,
            "notebookInfo": None,
            "storageHnsEnabled": False,
            "workspaceId": details.workspace_id,
            "linkedModelInventoryArmId": None,
            "privateLinkCount": 0,
            "publicNetworkAccess": details.public_network_access,
            "discoveryUrl": f"https://{api_host(location)}/discovery",
            "mlFlowTrackingUri": f"azureml://{api_host(location)}/mlflow/v1.0{identifier}",
            "sdkTelemetryAppInsightsKey": None,
            "sasGetterUri": "",
            "enableDataIsolation": False,
        },
        "identity": {"type": "SystemAssigned", "principalId": details.principal_id, "tenantId": tenant},
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "systemData": {
            "createdAt": format_utc_time(workspace.created),
            "createdBy": by,
            "createdByType": "Application",
            "lastModifiedAt": format_utc_time(workspace.written),
            "lastModifiedBy": by,
            "lastModifiedByType": "Application",
        },
    }


def _state(workspace: Workspace) -> str:
    if workspace.deleting:
        return "Deleting"
    return "Creating" if workspace.creating else "Succeeded"
