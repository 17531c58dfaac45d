"""Several back ends of one emulator: each job runs on the back end that its cluster requests."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from harness.atomic_file import write_file
from harness.compute.backend import Backend, JobSpec, NodeSpec, Plan, Progress, TaskSpec
from harness.compute.machine_provider import MachineProvider
from harness.compute.paths import JobPaths
from harness.errors import ToolkitError

_IMPLICIT = "process"  # the back end of a job without a file that names one, which saves a file for most jobs


class RoutingBackend:
    """Passes every call to the back end of the job, whose name is stored in the job directory before the job starts.

    A back end is created when the first job needs it: an emulator without containers needs no container engine.

    Args:
        default: the back end of clusters that request none, in the notation of ``--compute``.
        make: creates a back end from that notation. Raises ToolkitError if there is none of that name.
    """

    name = "routing"

    def __init__(self, default: str, make: Callable[[str], Backend]) -> None:
        self._default = default
        self._make = make
        self._backends: dict[str, Backend] = {}
        self._providers: list[MachineProvider] = []  # the back ends that find machines
        self._routes: dict[Path, Backend] = {}

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan of a job. Raises ToolkitError if its back end does not exist or cannot run it."""
        name = job.compute or self._default
        return dataclasses.replace(self._get_backend(name).plan(job), backend=name)

    def plan_task(self, task: TaskSpec) -> Plan:
        """Return the plan of a node's set-up task. Raises ToolkitError as ``plan`` does."""
        name = task.compute or self._default
        return dataclasses.replace(self._get_backend(name).plan_task(task), backend=name)

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt its job on the back end that has already claimed the directory."""
        paths = JobPaths(plan.directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if plan.backend != _IMPLICIT and not paths.backend.exists() and not paths.claim.exists():
            write_file(paths.backend, plan.backend.encode())
        self._routes[plan.directory] = self._backend_of(plan.directory)
        self._routes[plan.directory].start(plan)

    def adopt(self, directory: Path) -> bool:
        """Watch the job that was started in ``directory`` earlier; return False if there is none."""
        return self._backend_of(directory).adopt(directory)

    def poll(self, directory: Path) -> Progress:
        """Return the progress of the job in ``directory``."""
        return self._backend_of(directory).poll(directory)

    def terminate(self, directory: Path) -> None:
        """Request the end of the job."""
        self._backend_of(directory).terminate(directory)

    def forget(self, directory: Path) -> None:
        """Remove the node-local files of a finished job."""
        self._backend_of(directory).forget(directory)
        self._routes.pop(directory, None)

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str] | None:
        """Start to find machines for nodes; return why there are none yet, by node id, or None if they need none."""
        provider = self._provider(compute)
        return provider.provide(nodes, compute) if provider else None

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:
        """Release the machines of deleted nodes."""
        if provider := self._provider(compute):
            provider.release(nodes, compute)

    def take_lost(self) -> frozenset[str]:
        """Return the ids of nodes that have lost their machines since the last call."""
        return frozenset().union(*(provider.take_lost() for provider in self._providers))

    def close(self) -> None:
        """Stop watching; jobs continue, and a later back end adopts them."""
        for backend in self._backends.values():
            backend.close()

    def _provider(self, compute: str) -> MachineProvider | None:
        """Return the back end of a cluster if it finds machines; an unknown name is reported with its jobs."""
        try:
            backend = self._get_backend(compute or self._default)
        except ToolkitError:
            return None
        return backend if isinstance(backend, MachineProvider) else None

    def _get_backend(self, name: str) -> Backend:
        if name not in self._backends:
            backend = self._backends[name] = self._make(name)
            if isinstance(backend, MachineProvider):
                self._providers.append(backend)
        return self._backends[name]

    def _backend_of(self, directory: Path) -> Backend:
        if directory in self._routes:
            return self._routes[directory]
        try:
            name = JobPaths(directory).backend.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._get_backend(_IMPLICIT)
        self._routes[directory] = self._get_backend(name)
        return self._routes[directory]
