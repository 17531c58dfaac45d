"""Microsoft.BatchAI as Resource Manager sees it: its routes, its reconciling, its part in the end of a group."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from harness.clock import Clock
from harness.compute.backend import Backend
from harness.emulator.commits import Commits
from harness.emulator.context import Request, Response
from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.model.address import BATCH_AI, Address
from harness.emulator.engine.model.records import Pending, Workspace
from harness.emulator.engine.mounts import Mounts
from harness.emulator.engine.reconcile import Reconciliation
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.faults.active import Faults
from harness.emulator.paths import DataDirectory
from harness.emulator.providers.batchai.errors import BatchAIError
from harness.emulator.providers.batchai.handlers.clusters import Clusters
from harness.emulator.providers.batchai.handlers.file_servers import FileServers
from harness.emulator.providers.batchai.handlers.jobs import Jobs
from harness.emulator.providers.batchai.handlers.outputs import Outputs
from harness.emulator.providers.batchai.handlers.places import Places
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
from harness.emulator.providers.storage import Accounts
from harness.emulator.routing import Handler, Route
from harness.emulator.store import Store


@dataclasses.dataclass(frozen=True, slots=True)
class Habits:
    """How the service behaves here.

    Args:
        pace: of everything that took its time: 1 is the service's own, 0 takes no time that is not needed.
        host_images: whether jobs that ask for a container image may run without it, on the host.
    """

    pace: float = 0.0
    host_images: bool = True


class BatchAI:
    """The resource provider, in all three API versions.

    Args:
        faults: what goes wrong on purpose.
        wake: has ``reconcile`` called soon, on the event loop's thread.
    """

    namespace = BATCH_AI

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        *,
        clock: Clock,
        backend: Backend,
        paths: DataDirectory,
        habits: Habits,
        faults: Faults,
        wake: Callable[[], None],
    ) -> None:
        repository, pace = Repository(store), Pace(habits.pace)
        mounts = Mounts(store, accounts, servers=paths.nodes)
        specs = JobSpecs(repository, mounts, paths=paths, host_images=habits.host_images)
        service, places = Service(repository, clock, pace, wake), Places(repository)
        self._service = service
        fault_effects = FaultEffects(faults)
        self._reconciliation = Reconciliation(
            repository, specs, backend=backend, pace=pace, fault_effects=fault_effects
        )
        outputs = Outputs(service, places, mounts=mounts, accounts=accounts)
        table = (
            *workspace_routes(Workspaces(service, places), Experiments(service, places)),
            *cluster_routes(Clusters(service, places, mounts)),
            *file_server_routes(FileServers(service, places, mounts)),
            *job_routes(Jobs(service, places), outputs),
            *subscription_routes(Subscription(service)),
        )
        self._commits = Commits(store)
        self._routes = [dataclasses.replace(route, handler=self._answering(route)) for route in table]

    @property
    def routes(self) -> Sequence[Route]:
        """Its operations."""
        return self._routes

    def reconcile(self, now: datetime) -> float | None:
        """Move everything that can move; seconds until it must run again, None when idle."""
        return self._reconciliation.reconcile(now)

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Start to delete every workspace of a group, and so everything."""
        now = self._service.clock.now()
        for workspace in self._workspaces(subscription, group):
            pending = workspace.deleting or Pending("", now, now)
            self._service.repository.keep(replace(workspace, deleting=replace(pending, due=now)))
        self.reconcile(now)  # so that where no job has to end first, the first poll finds the group gone
        self._service.wake()

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether nothing is left in a group."""
        return not self._workspaces(subscription, group)

    def _workspaces(self, subscription: str, group: str) -> list[Workspace]:
        prefix = Address(subscription, group, ("",)).key("workspace")
        return [workspace for _, workspace in self._service.repository.store.list(Workspace, prefix)]

    def _answering(self, route: Route) -> Handler:
        """The handler of a route, its refusals as answers. One that may write is called with the body at hand.

        So nothing else happens between what it reads of the store and what it writes.
        """

        async def answer(request: Request) -> Response:
            try:
                if route.method == "GET":
                    return _at_once(route.handler, request)
                await request.read()
                return await self._commits.write(lambda: _at_once(route.handler, request))
            except BatchAIError as error:
                return self._service.refused(error)

        return answer


def _at_once(handler: Handler, request: Request) -> Response:
    given = handler(request)
    if not isinstance(given, Response):
        raise TypeError("the handlers of Batch AI wait for nothing")
    return given
