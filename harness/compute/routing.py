"""Several back ends of one emulator: each job runs on the one that its cluster asks for."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from harness.atomic_file import write_file
from harness.compute.backend import Backend, JobSpec, NodeSpec, Plan, Progress, TaskSpec
from harness.compute.machine_provider import MachineProvider
from harness.compute.paths import JobPaths
from harness.errors import ToolkitError

_UNWRITTEN = "process"  # runs the jobs of whose back end nothing is written, which saves a file for each


class RoutingBackend:
    """Passes every call to the back end of its job, which is written down in the job's directory before it starts.

    Back ends are made when the first job asks for them: an emulator without containers needs no container engine.

    Args:
        default: the back end, as ``--compute`` writes it, of the clusters that ask for none.
        make: makes a back end of such a text. Raises ToolkitError where there is none of that name.
    """

    name = "routing"

    def __init__(self, default: str, make: Callable[[str], Backend]) -> None:
        self._default = default
        self._make = make
        self._made: dict[str, Backend] = {}
        self._providers: list[MachineProvider] = []  # those of them that find machines
        self._routes: dict[Path, Backend] = {}

    def plan(self, job: JobSpec) -> Plan:
        """The steps of ``job``. Raises ToolkitError where its back end cannot run it, or where there is no such one."""
        name = job.compute or self._default
        return dataclasses.replace(self._named(name).plan(job), backend=name)

    def plan_task(self, task: TaskSpec) -> Plan:
        """The steps of a node's set-up task. Raises ToolkitError as ``plan`` does."""
        name = task.compute or self._default
        return dataclasses.replace(self._named(name).plan_task(task), backend=name)

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt it where its directory is claimed already, on the back end that claimed it."""
        paths = JobPaths(plan.directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if plan.backend != _UNWRITTEN and not paths.backend.exists() and not paths.claim.exists():
            write_file(paths.backend, plan.backend.encode())
        self._routes[plan.directory] = self._of(plan.directory)
        self._routes[plan.directory].start(plan)

    def adopt(self, directory: Path) -> bool:
        """Watch what was started in ``directory`` before; False where nothing was."""
        return self._of(directory).adopt(directory)

    def poll(self, directory: Path) -> Progress:
        """How far the job in ``directory`` is."""
        return self._of(directory).poll(directory)

    def terminate(self, directory: Path) -> None:
        """Ask for the end of the job."""
        self._of(directory).terminate(directory)

    def forget(self, directory: Path) -> None:
        """Remove the node-local files of a finished job."""
        self._of(directory).forget(directory)
        self._routes.pop(directory, None)

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str] | None:
        """Have machines for nodes; why there are none yet, by id. None where their back end has none."""
        provider = self._provider(compute)
        return provider.provide(nodes, compute) if provider else None

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:
        """Give back the machines of nodes that are no more."""
        if provider := self._provider(compute):
            provider.release(nodes, compute)

    def take_lost(self) -> frozenset[str]:
        """The ids of nodes whose machines are gone since the last call."""
        return frozenset().union(*(provider.take_lost() for provider in self._providers))

    def close(self) -> None:
        """Stop watching; jobs continue, and a later back end adopts them."""
        for backend in self._made.values():
            backend.close()

    def _provider(self, compute: str) -> MachineProvider | None:
        """The back end of a cluster, if it finds machines for nodes. One that does not exist is told to its jobs."""
        try:
            backend = self._named(compute or self._default)
        except ToolkitError:
            return None
        return backend if isinstance(backend, MachineProvider) else None

    def _named(self, name: str) -> Backend:
        if name not in self._made:
            made = self._made[name] = self._make(name)
            if isinstance(made, MachineProvider):
                self._providers.append(made)
        return self._made[name]

    def _of(self, directory: Path) -> Backend:
        if directory in self._routes:
            return self._routes[directory]
        try:
            name = JobPaths(directory).backend.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._named(_UNWRITTEN)
        self._routes[directory] = self._named(name)
        return self._routes[directory]
