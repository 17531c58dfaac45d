"""The resource provider Microsoft.BatchAI, for Resource Manager and the engine."""

import dataclasses
from collections.abc import Sequence

from harness.compute.backend import JobSpec
from harness.emulator.context import Request, Response
from harness.emulator.engine.engine import Engine
from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.engine.rules.scaling_context import NodeQuota
from harness.emulator.group_commit import GroupCommit
from harness.emulator.providers.batchai.errors import BatchAIError
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.clusters import Clusters
from harness.emulator.providers.batchai.handlers.file_servers import FileServers
from harness.emulator.providers.batchai.handlers.jobs import Jobs
from harness.emulator.providers.batchai.handlers.outputs import Outputs
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.handlers.subscription import Subscription
from harness.emulator.providers.batchai.handlers.workspaces import Experiments, Workspaces
from harness.emulator.providers.batchai.routes import (
    cluster_routes,
    file_server_routes,
    job_routes,
    subscription_routes,
    workspace_routes,
)
from harness.emulator.routing import Handler, Route
from harness.emulator.storage_service import Accounts


class BatchAI:
    """The resource provider, in all three API versions.

    Args:
        engine: moves its clusters and jobs.
        accounts: the storage accounts, which create the links to output files.
    """

    namespace = BATCH_AI

    def __init__(self, engine: Engine, accounts: Accounts) -> None:
        service, addressing = Service(engine), Addressing(engine.repository)
        self._engine = engine
        self._service = service
        table = (
            *workspace_routes(Workspaces(service, addressing), Experiments(service, addressing)),
            *cluster_routes(Clusters(service, addressing)),
            *file_server_routes(FileServers(service, addressing)),
            *job_routes(Jobs(service, addressing), Outputs(service, addressing, accounts)),
            *subscription_routes(Subscription(service)),
        )
        self._group_commit = GroupCommit(engine.repository.store)
        self._routes = [dataclasses.replace(route, handler=self._with_errors(route)) for route in table]
        engine.register(self)

    @property
    def routes(self) -> Sequence[Route]:
        """The operations of the provider."""
        return self._routes

    def job_spec(self, job: Job, cluster: Cluster) -> JobSpec:
        """The job for a back end, as its definition says."""
        return self._engine.specs.job(job, cluster)

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """Return None: quotas of Batch AI are reported, but not enforced."""
        del cluster
        return None

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Begin to delete every workspace of a group with everything in it."""
        self._engine.begin_group_delete(self.namespace, subscription, group)

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether nothing is left in a group."""
        return not self._engine.repository.workspaces(self.namespace, subscription, group)

    def _with_errors(self, route: Route) -> Handler:
        """The handler of a route, with its errors as responses.

        A handler that may write is called after the body has been read, so nothing can happen between its reads from
        the store and its writes.
        """

        async def answer(request: Request) -> Response:
            try:
                if route.method == "GET":
                    return _call(route.handler, request)
                await request.read()
                return await self._group_commit.write(lambda: _call(route.handler, request))
            except BatchAIError as error:
                return self._service.error_response(error)

        return answer


def _call(handler: Handler, request: Request) -> Response:
    response = handler(request)
    if not isinstance(response, Response):
        raise TypeError("the handlers of Batch AI must not be asynchronous")
    return response
