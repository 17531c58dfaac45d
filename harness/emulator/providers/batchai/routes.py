"""The routes of Batch AI, in all three API versions."""

from collections.abc import Sequence

from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.providers.batchai.handlers.clusters import Clusters
from harness.emulator.providers.batchai.handlers.file_servers import FileServers
from harness.emulator.providers.batchai.handlers.jobs import Jobs
from harness.emulator.providers.batchai.handlers.outputs import Outputs
from harness.emulator.providers.batchai.handlers.subscription import Subscription
from harness.emulator.providers.batchai.handlers.workspaces import Experiments, Workspaces
from harness.emulator.routing import Route

_ALL = f"/subscriptions/{{subscription}}/providers/{BATCH_AI}"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{BATCH_AI}"
_WORKSPACES = f"{_GROUP}/workspaces"
_WORKSPACE = f"{_WORKSPACES}/{{workspace}}"
_EXPERIMENT = f"{_WORKSPACE}/experiments/{{experiment}}"


def workspace_routes(workspaces: Workspaces, experiments: Experiments) -> Sequence[Route]:
    """The routes of workspaces and experiments, which only 2018-05 has."""
    return (
        Route("PUT", _WORKSPACE, "Workspaces_Create", workspaces.put),
        Route("GET", _WORKSPACE, "Workspaces_Get", workspaces.get),
        Route("PATCH", _WORKSPACE, "Workspaces_Update", workspaces.patch),
        Route("DELETE", _WORKSPACE, "Workspaces_Delete", workspaces.delete),
        Route("GET", _WORKSPACES, "Workspaces_ListByResourceGroup", workspaces.list_in_group),
        Route("GET", f"{_ALL}/workspaces", "Workspaces_List", workspaces.list_all),
        Route("PUT", _EXPERIMENT, "Experiments_Create", experiments.put),
        Route("GET", _EXPERIMENT, "Experiments_Get", experiments.get),
        Route("DELETE", _EXPERIMENT, "Experiments_Delete", experiments.delete),
        Route("GET", f"{_WORKSPACE}/experiments", "Experiments_ListByWorkspace", experiments.list_in_workspace),
    )


def cluster_routes(clusters: Clusters) -> Sequence[Route]:
    """The routes of clusters, in a workspace and, before 2018-05, in the resource group."""
    single = (
        ("PUT", "", "Clusters_Create", clusters.put),
        ("GET", "", "Clusters_Get", clusters.get),
        ("PATCH", "", "Clusters_Update", clusters.patch),
        ("DELETE", "", "Clusters_Delete", clusters.delete),
        ("POST", "/listRemoteLoginInformation", "Clusters_ListRemoteLoginInformation", clusters.remote_login),
        ("POST", "/preempt", "Clusters_Preempt", clusters.preempt),  # an operation that Azure does not have
    )
    return (
        *(
            Route(method, f"{above}/clusters/{{cluster}}{rest}", operation, handler)
            for above in (_WORKSPACE, _GROUP)
            for method, rest, operation, handler in single
        ),
        Route("GET", f"{_WORKSPACE}/clusters", "Clusters_ListByWorkspace", clusters.list_in_parent),
        Route("GET", f"{_GROUP}/clusters", "Clusters_ListByResourceGroup", clusters.list_in_group),
        Route("GET", f"{_ALL}/clusters", "Clusters_List", clusters.list_all),
    )


def file_server_routes(servers: FileServers) -> Sequence[Route]:
    """The routes of file servers, in a workspace and, before 2018-05, in the resource group."""
    single = (
        ("PUT", "FileServers_Create", servers.put),
        ("GET", "FileServers_Get", servers.get),
        ("DELETE", "FileServers_Delete", servers.delete),
    )
    return (
        *(
            Route(method, f"{above}/fileServers/{{server}}", operation, handler)
            for above in (_WORKSPACE, _GROUP)
            for method, operation, handler in single
        ),
        Route("GET", f"{_WORKSPACE}/fileServers", "FileServers_ListByWorkspace", servers.list_in_parent),
        Route("GET", f"{_GROUP}/fileServers", "FileServers_ListByResourceGroup", servers.list_in_group),
        Route("GET", f"{_ALL}/fileServers", "FileServers_List", servers.list_all),
    )


def job_routes(jobs: Jobs, outputs: Outputs) -> Sequence[Route]:
    """The routes of jobs, in an experiment and, before 2018-05, in the resource group."""
    single = (
        ("PUT", "", "Jobs_Create", jobs.put),
        ("GET", "", "Jobs_Get", jobs.get),
        ("DELETE", "", "Jobs_Delete", jobs.delete),
        ("POST", "/terminate", "Jobs_Terminate", jobs.terminate),
        ("POST", "/listOutputFiles", "Jobs_ListOutputFiles", outputs.list),
        # The SDK of 2018-05 follows nextLink by GET, the earlier ones by POST.
        ("GET", "/listOutputFiles", "Jobs_ListOutputFilesNext", outputs.list),
        ("POST", "/listRemoteLoginInformation", "Jobs_ListRemoteLoginInformation", jobs.remote_login),
    )
    return (
        *(
            Route(method, f"{above}/jobs/{{job}}{rest}", operation, handler)
            for above in (_EXPERIMENT, _GROUP)
            for method, rest, operation, handler in single
        ),
        Route("GET", f"{_EXPERIMENT}/jobs", "Jobs_ListByExperiment", jobs.list_in_parent),
        Route("GET", f"{_GROUP}/jobs", "Jobs_ListByResourceGroup", jobs.list_in_group),
        Route("GET", f"{_ALL}/jobs", "Jobs_List", jobs.list_all),
    )


def subscription_routes(subscription: Subscription) -> Sequence[Route]:
    """The routes that concern no resource."""
    location = f"{_ALL}/locations/{{location}}"
    return (
        Route("GET", f"{location}/operationresults/{{operation}}", "OperationResults_Get", subscription.poll),
        Route("GET", f"{location}/operationstatuses/{{operation}}", "OperationStatuses_Get", subscription.poll),
        Route("GET", f"{location}/usages", "Usages_List", subscription.usages),
        Route("GET", f"/providers/{BATCH_AI}/operations", "Operations_List", subscription.operations),
    )
