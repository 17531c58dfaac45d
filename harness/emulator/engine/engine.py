"""The engine as one object, which moves the clusters and jobs of all services of an emulator."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from harness.clock import Clock
from harness.compute.backend import Backend
from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.model.records import Pending
from harness.emulator.engine.mounts import Mounts
from harness.emulator.engine.operations import Operations
from harness.emulator.engine.reconcile import Reconciliation
from harness.emulator.engine.repository import Observer, Repository
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.engine.service import Service
from harness.emulator.faults.active import Faults
from harness.emulator.paths import DataDirectory
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine behaves.

    Args:
        pace: speed of simulated provisioning: 1 is the service's own timing, 0 is as fast as possible.
    """

    pace: float = 0.0


class Engine:
    """Clusters, queues and jobs, whichever service shows them.

    Args:
        accounts: the storage accounts whose shares and containers jobs mount.
        faults: the fault plans in force.
        wake: schedules a call of ``reconcile`` on the event loop's thread.

    Attributes:
        repository: every resource.
        operations: begins long-running operations.
        mounts: finds the directories that volumes show.
        specs: describes jobs to the back end.
    """

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        *,
        clock: Clock,
        backend: Backend,
        paths: DataDirectory,
        options: EngineOptions,
        faults: Faults,
        wake: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.wake = wake
        self.pace = Pace(options.pace)
        self.repository = Repository(store)
        self.operations = Operations(self.repository, clock, self.pace)
        self.mounts = Mounts(store, accounts, servers=paths.nodes)
        self.specs = JobSpecs(self.repository, self.mounts, paths=paths)
        self._services: dict[str, Service] = {}
        self._reconciliation = Reconciliation(
            self.repository,
            self.specs,
            self._services,
            backend=backend,
            pace=self.pace,
            fault_effects=FaultEffects(faults),
        )

    def register(self, service: Service, observer: Observer | None = None) -> None:
        """Serve a service, before the first ``reconcile``.

        Args:
            observer: called for every change of the service's resources; see ``Repository.observe``.
        """
        self._services[service.namespace] = service
        if observer:
            self.repository.observe(service.namespace, observer)

    def reconcile(self, now: datetime) -> float | None:
        """Move everything that can move; returns the seconds until it must run again, None when idle."""
        return self._reconciliation.reconcile(now)

    def begin_group_delete(self, namespace: str, subscription: str, group: str) -> None:
        """Start to delete every workspace of a service in a resource group, with everything in it."""
        now = self.clock.now()
        for workspace in self.repository.workspaces(namespace, subscription, group):
            pending = workspace.deleting or Pending("", now, now)
            self.repository.keep(replace(workspace, deleting=replace(pending, due=now)))
        self.reconcile(now)  # so that the first poll finds the group deleted, unless a job has to end first
        self.wake()
