"""The operations of Microsoft.MachineLearningServices that the emulator plays, with Microsoft's names."""

from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.providers.azureml.handlers.assets import Assets
from harness.emulator.providers.azureml.handlers.computes import Computes
from harness.emulator.providers.azureml.handlers.datastores import Datastores
from harness.emulator.providers.azureml.handlers.jobs import Jobs
from harness.emulator.providers.azureml.handlers.operations import OperationStatuses
from harness.emulator.providers.azureml.handlers.subscription import Subscription
from harness.emulator.providers.azureml.handlers.workspaces import Workspaces
from harness.emulator.providers.azureml.model.asset import CODE, AssetKind
from harness.emulator.routing import Route

_SUBSCRIPTION = f"/subscriptions/{{subscription}}/providers/{MACHINE_LEARNING}"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{MACHINE_LEARNING}"
_WORKSPACE = _GROUP + "/workspaces/{workspace}"


def workspace_routes(workspaces: Workspaces) -> tuple[Route, ...]:
    """The routes of workspaces."""
    return (
        Route("GET", _SUBSCRIPTION + "/workspaces", "Workspaces_ListBySubscription", workspaces.list_all),
        Route("GET", _GROUP + "/workspaces", "Workspaces_ListByResourceGroup", workspaces.list_in_group),
        Route("PUT", _WORKSPACE, "Workspaces_CreateOrUpdate", workspaces.put),
        Route("GET", _WORKSPACE, "Workspaces_Get", workspaces.get),
        Route("PATCH", _WORKSPACE, "Workspaces_Update", workspaces.patch),
        Route("DELETE", _WORKSPACE, "Workspaces_Delete", workspaces.delete),
        Route("POST", _WORKSPACE + "/listKeys", "Workspaces_ListKeys", workspaces.list_keys),
    )


def compute_routes(computes: Computes) -> tuple[Route, ...]:
    """The routes of computes and their nodes."""
    compute = _WORKSPACE + "/computes/{name}"
    return (
        Route("GET", _WORKSPACE + "/computes", "Compute_List", computes.list),
        Route("PUT", compute, "Compute_CreateOrUpdate", computes.put),
        Route("GET", compute, "Compute_Get", computes.get),
        Route("PATCH", compute, "Compute_Update", computes.patch),
        Route("DELETE", compute, "Compute_Delete", computes.delete),
        Route("POST", compute + "/listNodes", "Compute_ListNodes", computes.list_nodes),
        Route("POST", compute + "/start", "Compute_Start", computes.start),
        Route("POST", compute + "/stop", "Compute_Stop", computes.stop),
        Route("POST", compute + "/restart", "Compute_Restart", computes.restart),
    )


def asset_routes(kind: AssetKind, assets: Assets) -> tuple[Route, ...]:
    """The routes of one type of asset with its versions."""
    name = {"codes": "Code", "environments": "Environment", "data": "Data", "models": "Model"}[kind.type]
    collection = f"{_WORKSPACE}/{kind.type}"
    asset, versions = collection + "/{name}", collection + "/{name}/versions"
    routes = (
        Route("GET", collection, f"{name}Containers_List", assets.list_containers),
        Route("PUT", asset, f"{name}Containers_CreateOrUpdate", assets.put_container),
        Route("GET", asset, f"{name}Containers_Get", assets.get_container),
        Route("DELETE", asset, f"{name}Containers_Delete", assets.delete_container),
        Route("GET", versions, f"{name}Versions_List", assets.list_versions),
        Route("PUT", versions + "/{version}", f"{name}Versions_CreateOrUpdate", assets.put),
        Route("GET", versions + "/{version}", f"{name}Versions_Get", assets.get),
        Route("DELETE", versions + "/{version}", f"{name}Versions_Delete", assets.delete),
    )
    if kind is not CODE:
        return routes
    upload = versions + "/{version}/startPendingUpload"
    return (*routes, Route("POST", upload, "CodeVersions_CreateOrGetStartPendingUpload", assets.start_pending_upload))


def job_routes(jobs: Jobs) -> tuple[Route, ...]:
    """The routes of jobs."""
    job = _WORKSPACE + "/jobs/{name}"
    return (
        Route("GET", _WORKSPACE + "/jobs", "Jobs_List", jobs.list),
        Route("PUT", job, "Jobs_CreateOrUpdate", jobs.put),
        Route("GET", job, "Jobs_Get", jobs.get),
        Route("DELETE", job, "Jobs_Delete", jobs.delete),
        Route("POST", job + "/cancel", "Jobs_Cancel", jobs.cancel),
    )


def subscription_routes(subscription: Subscription) -> tuple[Route, ...]:
    """The routes of a region."""
    below = _SUBSCRIPTION + "/locations/{location}"
    return (
        Route("GET", below + "/usages", "Usages_List", subscription.list_usages),
        Route("GET", below + "/quotas", "Quotas_List", subscription.list_quotas),
        Route("GET", below + "/vmSizes", "VirtualMachineSizes_List", subscription.list_sizes),
    )


def datastore_routes(datastores: Datastores) -> tuple[Route, ...]:
    """The routes of datastores and their secrets."""
    below = _WORKSPACE + "/datastores"
    return (
        Route("GET", below, "Datastores_List", datastores.list),
        Route("PUT", below + "/{name}", "Datastores_CreateOrUpdate", datastores.put),
        Route("GET", below + "/{name}", "Datastores_Get", datastores.get),
        Route("DELETE", below + "/{name}", "Datastores_Delete", datastores.delete),
        Route("POST", below + "/{name}/listSecrets", "Datastores_ListSecrets", datastores.list_secrets),
    )


def operation_routes(statuses: OperationStatuses) -> tuple[Route, ...]:
    """The routes of operations, which clients poll."""
    below = _SUBSCRIPTION + "/locations/{location}"
    return (
        Route("GET", below + "/workspaceOperationsStatus/{operation}", "WorkspaceOperations_Get", statuses.workspace),
        Route("GET", below + "/computeOperationsStatus/{operation}", "ComputeOperations_Get", statuses.compute),
        Route("GET", below + "/mfeOperationResults/{operation}", "OperationResults_Get", statuses.job),
    )
