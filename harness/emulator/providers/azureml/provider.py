"""Microsoft.MachineLearningServices: its routes for Resource Manager, and its job specifications for the engine."""

import dataclasses
from collections.abc import Callable, Sequence

from harness.compute.backend import JobSpec
from harness.emulator.context import Request, Response
from harness.emulator.engine.engine import Engine
from harness.emulator.engine.job_specs import JobSpecError
from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.engine.model.records import Cluster, Job, Problem, Resource, Workspace
from harness.emulator.engine.rules.scaling_context import NodeQuota
from harness.emulator.group_commit import GroupCommit
from harness.emulator.identity import Identity
from harness.emulator.providers.azureml.errors import AzureMLError, GatewayError, ThrottledError
from harness.emulator.providers.azureml.handlers.assets import Assets
from harness.emulator.providers.azureml.handlers.computes import Computes
from harness.emulator.providers.azureml.handlers.datastores import Datastores
from harness.emulator.providers.azureml.handlers.jobs import Jobs
from harness.emulator.providers.azureml.handlers.operations import OperationStatuses
from harness.emulator.providers.azureml.handlers.quotas import Quotas
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.handlers.subscription import Subscription
from harness.emulator.providers.azureml.handlers.workspaces import Workspaces
from harness.emulator.providers.azureml.launch import Launch, Variables
from harness.emulator.providers.azureml.model.asset import KINDS, AssetContainer, AssetVersion
from harness.emulator.providers.azureml.model.compute import ComputeDetails
from harness.emulator.providers.azureml.model.datastore import Datastore, DatastoreSecret
from harness.emulator.providers.azureml.model.job import JobDetails, RunCounter, RunExperiment
from harness.emulator.providers.azureml.model.run import RUN_RECORDS, RunLabels, run_key
from harness.emulator.providers.azureml.not_served import refusal_routes
from harness.emulator.providers.azureml.output_assets import register_outputs
from harness.emulator.providers.azureml.routes import (
    asset_routes,
    compute_routes,
    datastore_routes,
    job_routes,
    operation_routes,
    subscription_routes,
    workspace_routes,
)
from harness.emulator.providers.azureml.storage_paths import StoragePaths
from harness.emulator.request_buckets import RequestBuckets
from harness.emulator.routing import Handler, Route
from harness.emulator.storage_service import Accounts
from harness.emulator.subscription_limits import SubscriptionLimits

_RECORDS = (
    Datastore,
    DatastoreSecret,
    AssetContainer,
    AssetVersion,
    RunCounter,
    RunExperiment,
    *RUN_RECORDS,
)  # of a workspace


class AzureML:
    """The resource provider.

    Args:
        engine: runs its computes and jobs.
        identity: the tenant and the applications that use the emulator.
        accounts: the storage accounts of datastores.
        limits: the limits of the subscription.
        exists: whether the resource with an id exists, for the resources that workspaces depend on.
        variables: the variables with which a job reaches the emulator and its own run.

    Attributes:
        service: the parts that the data plane shares.
        workspaces: the handlers of workspaces, with which the emulator creates the first one.
    """

    namespace = MACHINE_LEARNING

    def __init__(
        self,
        engine: Engine,
        identity: Identity,
        accounts: Accounts,
        *,
        limits: SubscriptionLimits,
        exists: Callable[[str], bool],
        variables: Variables,
    ) -> None:
        self._engine = engine
        self.service = self._service = Service(engine, identity, RequestBuckets(limits, engine.clock))
        self._quotas = quotas = Quotas(engine.repository.store, limits)
        datastores = Datastores(self._service, accounts, limits)
        self.workspaces = Workspaces(self._service, datastores, accounts, exists)
        paths = StoragePaths(engine.repository.store, accounts)
        self._launch = Launch(engine.specs, paths, variables)
        self._group_commit = GroupCommit(engine.repository.store)
        table = (
            *workspace_routes(self.workspaces),
            *compute_routes(Computes(self._service, quotas)),
            *datastore_routes(datastores),
            *(route for kind in KINDS for route in asset_routes(kind, Assets(self._service, accounts, kind))),
            *job_routes(Jobs(self._service, quotas)),
            *subscription_routes(Subscription(self._service, quotas)),
            *operation_routes(OperationStatuses(self._service)),
            *refusal_routes(),
        )
        self._routes = [dataclasses.replace(route, handler=self._with_error_responses(route)) for route in table]
        engine.register(self, self._observe)

    @property
    def routes(self) -> Sequence[Route]:
        """The operations of the namespace."""
        return self._routes

    def job_spec(self, job: Job, cluster: Cluster) -> JobSpec:
        """The specification of a job for a back end.

        Raises:
            JobSpecError: the job cannot be started.
        """
        store = self._engine.repository.store
        details = store.get(JobDetails, job.key)
        workspace = store.get(Workspace, job.address.parent().key("workspace"))
        if details is None or workspace is None:
            raise JobSpecError(Problem("UserError", f"the definition of the job {job.address.name} was deleted"))
        return self._launch.spec(workspace, details, job, cluster)

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """How many nodes the quota of the subscription allows a cluster."""
        return self._quotas.node_quota(cluster)

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Start to delete every workspace of a group, with its contents."""
        self._engine.begin_group_delete(self.namespace, subscription, group)

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether a group contains no workspace."""
        return not self._engine.repository.workspaces(self.namespace, subscription, group)

    def _observe(self, before: Resource | None, after: Resource | None) -> None:
        """Register the outputs of a completed job; delete the provider's records of a deleted resource."""
        if isinstance(before, Job) and isinstance(after, Job) and before.phase != after.phase == "succeeded":
            self._register_outputs(after)
        if isinstance(before, Cluster) and after is None:
            self._engine.repository.store.delete(ComputeDetails, before.key)
        if isinstance(before, Job) and after is None:
            self._engine.repository.store.delete(JobDetails, before.key)
            self._forget_run(before)
        if isinstance(before, Workspace) and after is None:
            self.workspaces.forget(before)
            for kind in _RECORDS:
                self._engine.repository.store.delete_all(kind, f"{before.key}/")

    def _register_outputs(self, job: Job) -> None:
        store = self._engine.repository.store
        details, workspace = store.get(JobDetails, job.key), store.get(Workspace, job.address.parent().key("workspace"))
        if details and workspace:
            register_outputs(store, workspace, details, job.ended or self._engine.clock.now())

    def _forget_run(self, job: Job) -> None:
        """Delete what was logged in the run of a deleted job."""
        workspace = self._engine.repository.store.get(Workspace, job.address.parent().key("workspace"))
        if workspace:
            key = run_key(workspace, job.address.name)
            self._engine.repository.store.delete(RunLabels, key)
            for kind in RUN_RECORDS:
                self._engine.repository.store.delete_all(kind, f"{key}/")

    def _with_error_responses(self, route: Route) -> Handler:
        """The handler of a route, with errors as responses.

        It runs after the body of a write has been read, so no other request runs between its reads and its writes.
        """

        async def handle(request: Request) -> Response:
            clock = self._engine.clock
            start, remaining = clock.monotonic(), 0
            try:
                remaining = self._service.take(request).remaining
                self._service.check_version(request)
                if request.method == "GET":
                    response = _call(route.handler, request)
                else:
                    await request.read()
                    response = await self._group_commit.write(lambda: _call(route.handler, request))
            except (AzureMLError, GatewayError, ThrottledError) as error:
                response = self._service.error_response(error, request)
            return self._service.add_headers(response, request, remaining=remaining, seconds=clock.monotonic() - start)

        return handle


def _call(handler: Handler, request: Request) -> Response:
    response = handler(request)
    if not isinstance(response, Response):
        raise TypeError("a handler of Azure Machine Learning is asynchronous")
    return response
