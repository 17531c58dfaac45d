"""The back end ``ray``: its nodes are machines of a Ray cluster, where jobs run under the common supervisor."""

import contextlib
import dataclasses
import importlib.util
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from harness.atomic_file import write_file
from harness.clock import Clock
from harness.compute.backend import ERRORS, JobSpec, NodeSpec, Plan, Progress, StartRefusedError, TaskSpec
from harness.compute.job_files import decode_progress, read_progress, write_plan
from harness.compute.job_log import JobLog
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.ray.cluster_nodes import ClusterNodes
from harness.compute.ray.driver_process import DriverProcess
from harness.compute.ray.local_cluster import (
    LOOPBACK,
    end_local_cluster,
    ensure_local_cluster,
    local_cluster_environment,
    log_of,
)
from harness.compute.ray.messages import (
    Connected,
    End,
    Event,
    JobChanged,
    JobLost,
    JobRemoved,
    JobWaiting,
    Node,
    NodeLost,
    NodePlaced,
    NodeReleased,
    NodeWaiting,
    Order,
    Run,
    Stop,
    Tree,
    Unreachable,
)
from harness.compute.ray.planning import plan_ray_job, plan_ray_task
from harness.compute.ray.staged_trees import trees_of
from harness.errors import ToolkitError
from harness.tree_removal import remove_tree

_NO_RAY = "the back end ray needs Ray, which is not installed: pip install 'batchai-harness[ray]'"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONHOME", "PYTHONPATH", "TMPDIR")

_RELEASE_SECONDS = 10.0  # the time limit for the release of machines; the next driver releases the rest


class SubmittedJob(msgspec.Struct, frozen=True):
    """The record of a job that was submitted to Ray. The reasons why it waits are written to ``logs``."""

    nodes: tuple[Node, ...]
    key: str
    logs: tuple[str, ...]
    trees: tuple[Tree, ...] = ()

    def __repr__(self) -> str:
        return f"SubmittedJob({len(self.nodes)} nodes)"


@dataclasses.dataclass(frozen=True, slots=True)
class RayOptions:
    """How the back end finds Ray.

    Attributes:
        address: the address of the cluster, ``HOST:PORT``; empty for a local cluster, which starts and ends with the
            emulator.
        emulator: the id of the emulator.
        directory: a directory in the data directory for the files of the driver and of a local cluster.
        host_images: whether jobs that request a container image may run without it.
    """

    address: str
    emulator: str
    directory: Path
    host_images: bool = True


class RayBackend:
    """The back end on a Ray cluster, whose machines see the emulator's data directory or receive copies of files.

    Args:
        on_change: called, from another thread, soon after the progress of any job has changed.
        machine: the parts of a machine that jobs may use; all machines are assumed to be like this one.
        clock: provides the times in the progress and the logs of jobs.
        environ: the variables of the emulator; those for Ray (``RAY_...``) are passed on.
    """

    name = "ray"

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        machine: Machine,
        clock: Clock,
        environ: Mapping[str, str],
        options: RayOptions,
    ) -> None:
        self._on_change, self._machine, self._clock = on_change, machine, clock
        self._environ, self._options = environ, options
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._jobs: dict[Path, SubmittedJob] = {}
        self._progress: dict[Path, Progress] = {}
        self._ending: dict[Path, End] = {}
        self._reasons: dict[Path, str] = {}
        self._nodes = ClusterNodes()
        self._driver = DriverProcess(
            self._settings,
            self._environment,
            on_event=self._handle_event,
            initial_orders=self._initial_orders,
            log=options.directory / "driver.log",
        )

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan of a job.

        Raises:
            ToolkitError: the job cannot run on Ray, or Ray is not installed.
        """
        _check_ray()
        if job.container and not self._options.host_images:
            image = job.container.image
            text = (
                f"the back end ray has no containers, and jobs may not run without their image {image} (--images host)"
            )
            raise StartRefusedError("FailedStartingContainer", text, ("imageName", image))
        return plan_ray_job(job, self._machine)

    def plan_task(self, task: TaskSpec) -> Plan:
        """Return the plan of a node's set-up task.

        Raises:
            ToolkitError: Ray is not installed.
        """
        _check_ray()
        return plan_ray_task(task, self._machine)

    def start(self, plan: Plan) -> None:
        """Submit ``plan`` to Ray, or adopt its job if that was done. The last file written marks it as submitted.

        Raises:
            OSError: the job directory cannot be written.
        """
        paths = JobPaths(plan.directory)
        with self._lock:
            self._ending.pop(plan.directory, None)  # from here on the directory must not be removed
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.adopt(plan.directory):
            return
        write_plan(paths, plan)
        nodes = tuple(
            Node(node.id, node.size, node.cpus, node.gpus, dict(node.variables), str(node.directory))
            for node in plan.nodes
        )
        trees = trees_of(plan, self._options.directory.parent)
        submitted = SubmittedJob(nodes, secrets.token_hex(32), tuple(map(str, plan.logs)), trees)
        write_file(paths.placement, msgspec.json.encode(submitted))
        self._track(plan.directory, submitted)

    def adopt(self, directory: Path) -> bool:
        """Watch the job that was submitted to Ray earlier; return False if there is none."""
        if directory in self._jobs:
            return True
        try:
            submitted = msgspec.json.decode(JobPaths(directory).placement.read_bytes(), type=SubmittedJob)
        except FileNotFoundError:
            return False
        self._track(directory, submitted)
        return True

    def poll(self, directory: Path) -> Progress:
        """Return the progress of the job in ``directory``."""
        return self._progress.get(directory) or read_progress(JobPaths(directory))

    def terminate(self, directory: Path) -> None:
        """Request the end of the job; a job that has not started yet ends before it runs anything."""
        paths = JobPaths(directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.stop.touch()
        self._driver.send(Stop(str(directory)))

    def forget(self, directory: Path) -> None:
        """Remove the job directory; files on mounted storage stay, since links are not followed."""
        if self.adopt(directory):
            with self._lock:
                nodes = tuple(node.id for node in self._jobs.pop(directory).nodes)
                order = self._ending[directory] = End(str(directory), nodes)
                self._progress.pop(directory, None)
                self._reasons.pop(directory, None)
            self._driver.send(order)
        _remove(directory)

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str]:  # noqa: ARG002 - for the router
        """Start to find machines for nodes; return why there are none yet, by the id of the node."""
        if not _has_ray():
            return dict.fromkeys((node.id for node in nodes), _NO_RAY)
        with self._lock:
            new = self._nodes.add(nodes)
        if new:
            self._driver.ensure_started()
        for order in new:
            self._driver.send(order)
        with self._lock:
            return self._nodes.missing(nodes)

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:  # noqa: ARG002 - for the router
        """Release the machines of deleted nodes."""
        with self._lock:
            orders = self._nodes.remove(tuple(nodes))
        for order in orders:
            self._driver.send(order)

    def take_lost(self) -> frozenset[str]:
        """Return the ids of nodes that have lost their machines since the last call."""
        with self._lock:
            return self._nodes.take_lost()

    def close(self) -> None:
        """Stop watching; jobs continue. A local cluster ends if no job runs on it."""
        if self._driver.is_connected:
            with self._changed:
                self._changed.wait_for(lambda: not self._ending and not self._nodes.has_releases, _RELEASE_SECONDS)
        self._driver.close()
        if not self._options.address and all(self.poll(job).state == "finished" for job in self._jobs):
            end_local_cluster(self._options.directory)

    def _track(self, directory: Path, submitted: SubmittedJob) -> None:
        with self._lock:
            self._jobs[directory] = submitted
            self._ending.pop(directory, None)
        self._driver.ensure_started()
        self._driver.send(self._order(directory, submitted))

    def _order(self, directory: Path, submitted: SubmittedJob) -> Run:
        is_claimed = JobPaths(directory).claim.exists()
        return Run(str(directory), submitted.nodes, submitted.key, is_claimed=is_claimed, trees=submitted.trees)

    def _initial_orders(self) -> Iterator[Order]:
        """Yield the orders for a new driver: the nodes, every unfinished job, and the jobs to remove."""
        with self._lock:
            jobs, ending = dict(self._jobs), list(self._ending.values())
            yield from self._nodes.orders()
        yield from ending
        for directory, submitted in jobs.items():
            if self.poll(directory).state != "finished":
                yield self._order(directory, submitted)
                if JobPaths(directory).stop.exists():
                    yield Stop(str(directory))

    def _handle_event(self, event: Event) -> None:
        match event:
            case JobChanged():
                self._record_progress(Path(event.job), decode_progress(event.state))
            case JobLost():
                self._report_loss(Path(event.job), event)
            case JobWaiting():
                self._log_reason(Path(event.job), event.reason)
            case JobRemoved():
                with self._changed:
                    if self._ending.pop(Path(event.job), None):
                        _remove(Path(event.job))  # its machines may have written files after it was forgotten
                    self._changed.notify_all()
                self._on_change()
            case NodePlaced() | NodeWaiting() | NodeLost() | NodeReleased():
                with self._changed:
                    self._nodes.apply(event)
                    self._changed.notify_all()
                self._on_change()
            case Unreachable():
                with self._lock:
                    self._nodes.set_reason(event.reason)
                self._on_change()
                for directory in list(self._jobs):
                    self._log_reason(directory, event.reason)
            case Connected():
                self._on_change()  # jobs may have ended while no driver was connected

    def _record_progress(self, directory: Path, progress: Progress) -> None:
        with self._lock:
            if directory not in self._jobs or self._is_finished(directory):
                return
            self._progress[directory] = progress
        self._on_change()

    def _report_loss(self, directory: Path, event: JobLost) -> None:
        """Record that a job has lost its nodes, unless its supervisor has already written how it ended."""
        progress = read_progress(JobPaths(directory))
        if progress.state != "finished":
            message = f"{ERRORS['JobNodeLost']}: {', '.join(event.nodes)}: {event.reason}"
            progress = _lost_progress(progress, self._clock.now(), message, event.nodes)
        self._record_progress(directory, progress)

    def _is_finished(self, directory: Path) -> bool:
        progress = self._progress.get(directory)
        return progress is not None and progress.state == "finished"

    def _log_reason(self, directory: Path, reason: str) -> None:
        """Write the reason why a job waits to its logs, once for each reason."""
        with self._lock:
            submitted = self._jobs.get(directory)
            if submitted is None or self._reasons.get(directory) == reason or self._is_finished(directory):
                return
            self._reasons[directory] = reason
        JobLog(submitted.logs, str(directory), self._clock).write(f"waits: {reason}")

    def _settings(self) -> dict[str, str]:
        directory = self._options.directory
        settings = {"emulator": self._options.emulator, "data": str(directory.parent)}
        if self._options.address:
            return {"address": self._options.address, **settings}
        address = ensure_local_cluster(directory, self._ray_environment())
        return {"address": address, "log": str(log_of(directory)), **settings}

    def _environment(self) -> dict[str, str]:
        if not self._options.address:
            return self._ray_environment() | local_cluster_environment(self._options.directory)
        is_loopback = self._options.address.startswith(f"{LOOPBACK}:")
        system = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} if is_loopback else {}
        return {"RAY_AUTH_MODE": "token", **system, **self._ray_environment()}

    def _ray_environment(self) -> dict[str, str]:
        inherited = {
            name: value for name, value in self._environ.items() if name.startswith("RAY_") or name in _INHERITED
        }
        return {"PATH": os.defpath, "RAY_USAGE_STATS_ENABLED": "0", **inherited}


def _check_ray() -> None:
    if not _has_ray():
        raise ToolkitError(_NO_RAY)
    if " " in sys.executable:  # Ray's daemons split command lines at spaces
        raise ToolkitError(f"Ray does not start with a Python whose path has a space: {sys.executable}; move it")


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(directory)


def _has_ray() -> bool:
    return importlib.util.find_spec("ray") is not None


def _lost_progress(progress: Progress, now: datetime, message: str, nodes: tuple[str, ...]) -> Progress:
    return dataclasses.replace(
        progress,
        state="finished",
        ended=now,
        exit_code=None,
        error="JobNodeLost",
        message=message,
        lost_nodes=nodes,
    )
