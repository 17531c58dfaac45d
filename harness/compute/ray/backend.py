"""The back end ``ray``: nodes are found on a Ray cluster, where jobs run under the supervisor of all back ends."""

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
from harness.compute.job_files import progress_of, read_progress, write_plan
from harness.compute.job_log import JobLog
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.ray.cluster_nodes import ClusterNodes
from harness.compute.ray.driver_process import DriverProcess
from harness.compute.ray.messages import (
    Connected,
    End,
    Ended,
    Lost,
    Moved,
    News,
    Node,
    NodeLost,
    NodePlaced,
    NodeReleased,
    NodeWaits,
    Order,
    Run,
    Stop,
    Tree,
    Unreachable,
    Waits,
)
from harness.compute.ray.own_cluster import LOOPBACK, end_own_cluster, ensure_own_cluster, log_of, own_environment
from harness.compute.ray.planning import plan_ray_job, plan_ray_task
from harness.compute.ray.staged_trees import trees_of
from harness.errors import ToolkitError
from harness.tree_removal import remove_tree

_NO_RAY = "the back end ray needs Ray, which is not installed: pip install 'batchai-harness[ray]'"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONHOME", "PYTHONPATH", "TMPDIR")

_SECONDS = 10.0  # in which Ray takes back machines; what it has not taken by then, the next driver gives back


class Placement(msgspec.Struct, frozen=True):
    """What a job directory says of a job that was given to Ray. ``logs`` are told why it waits."""

    nodes: tuple[Node, ...]
    key: str
    logs: tuple[str, ...]
    trees: tuple[Tree, ...] = ()

    def __repr__(self) -> str:
        return f"Placement({len(self.nodes)} nodes)"


@dataclasses.dataclass(frozen=True, slots=True)
class RayOptions:
    """How the back end finds Ray.

    Attributes:
        address: of the cluster, ``HOST:PORT``; empty for one of this machine, which begins and ends with the emulator.
        emulator: the id of the emulator.
        directory: what is kept of the driver, and of a cluster of this machine; it lies in the data directory.
        host_images: whether jobs that ask for a container image may run without it.
    """

    address: str
    emulator: str
    directory: Path
    host_images: bool = True


class RayBackend:
    """Jobs on the machines of a Ray cluster, which see the emulator's data directory or are sent files of it.

    Args:
        on_change: called, from another thread, soon after any job has moved.
        machine: what the machines offer to jobs; they are like this one.
        clock: dates what happens to jobs.
        environ: where variables of Ray (``RAY_...``) are taken from.
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
        self._ended = threading.Condition(self._lock)
        self._jobs: dict[Path, Placement] = {}
        self._known: dict[Path, Progress] = {}
        self._ending: dict[Path, End] = {}
        self._reasons: dict[Path, str] = {}
        self._nodes = ClusterNodes()
        self._driver = DriverProcess(
            self._settings,
            self._environment,
            hear=self._hear,
            standing=self._standing,
            log=options.directory / "driver.log",
        )

    def plan(self, job: JobSpec) -> Plan:
        """The steps of ``job``.

        Raises:
            ToolkitError: it cannot run on Ray, or Ray is not installed.
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
        """The steps of a node's set-up task.

        Raises:
            ToolkitError: Ray is not installed.
        """
        _check_ray()
        return plan_ray_task(task, self._machine)

    def start(self, plan: Plan) -> None:
        """Give ``plan`` to Ray, or adopt it where that was done. What is written last, makes it so.

        Raises:
            OSError: the job directory cannot be written.
        """
        paths = JobPaths(plan.directory)
        with self._lock:
            self._ending.pop(plan.directory, None)  # what is in the directory from now on stays
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.adopt(plan.directory):
            return
        write_plan(paths, plan)
        nodes = tuple(
            Node(each.id, each.size, each.cpus, each.gpus, dict(each.variables), str(each.directory))
            for each in plan.nodes
        )
        trees = trees_of(plan, self._options.directory.parent)
        placement = Placement(nodes, secrets.token_hex(32), tuple(map(str, plan.logs)), trees)
        write_file(paths.placement, msgspec.json.encode(placement))
        self._follow(plan.directory, placement)

    def adopt(self, directory: Path) -> bool:
        """Watch what was given to Ray before; False where nothing was."""
        if directory in self._jobs:
            return True
        try:
            placement = msgspec.json.decode(JobPaths(directory).placement.read_bytes(), type=Placement)
        except FileNotFoundError:
            return False
        self._follow(directory, placement)
        return True

    def poll(self, directory: Path) -> Progress:
        """How far the job in ``directory`` is."""
        return self._known.get(directory) or read_progress(JobPaths(directory))

    def terminate(self, directory: Path) -> None:
        """Ask for the end of the job; one that has not started yet will end before it runs anything."""
        paths = JobPaths(directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.stop.touch()
        self._driver.give(Stop(str(directory)))

    def forget(self, directory: Path) -> None:
        """Remove the job directory; what the job wrote to mounted storage stays (links are not followed)."""
        if self.adopt(directory):
            with self._lock:
                nodes = tuple(node.id for node in self._jobs.pop(directory).nodes)
                order = self._ending[directory] = End(str(directory), nodes)
                self._known.pop(directory, None)
                self._reasons.pop(directory, None)
            self._driver.give(order)
        _remove(directory)

    def provide(self, nodes: Sequence[NodeSpec], compute: str) -> Mapping[str, str]:  # noqa: ARG002 - the router's
        """Have machines for nodes; why there are none yet, by the id of the node."""
        if not _has_ray():
            return dict.fromkeys((node.id for node in nodes), _NO_RAY)
        with self._lock:
            new = self._nodes.add(nodes)
        if new:
            self._driver.ensure()
        for order in new:
            self._driver.give(order)
        with self._lock:
            return self._nodes.missing(nodes)

    def release(self, nodes: Iterable[NodeSpec], compute: str) -> None:  # noqa: ARG002 - the router's
        """Give back the machines of nodes that are no more."""
        with self._lock:
            orders = self._nodes.remove(tuple(nodes))
        for order in orders:
            self._driver.give(order)

    def take_lost(self) -> frozenset[str]:
        """The ids of nodes whose machines are gone since the last call."""
        with self._lock:
            return self._nodes.take_lost()

    def close(self) -> None:
        """Stop watching; jobs continue. A cluster of this machine's ends where nothing runs on it."""
        if self._driver.is_connected:
            with self._ended:
                self._ended.wait_for(lambda: not self._ending and not self._nodes.are_leaving, _SECONDS)
        self._driver.close()
        if not self._options.address and all(self.poll(job).state == "finished" for job in self._jobs):
            end_own_cluster(self._options.directory)

    def _follow(self, directory: Path, placement: Placement) -> None:
        with self._lock:
            self._jobs[directory] = placement
            self._ending.pop(directory, None)
        self._driver.ensure()
        self._driver.give(self._order(directory, placement))

    def _order(self, directory: Path, placement: Placement) -> Run:
        is_claimed = JobPaths(directory).claim.exists()
        return Run(str(directory), placement.nodes, placement.key, is_claimed=is_claimed, trees=placement.trees)

    def _standing(self) -> Iterator[Order]:
        """What a new driver has to know: every job that has not ended, and what is to be removed."""
        with self._lock:
            jobs, ending = dict(self._jobs), list(self._ending.values())
            yield from self._nodes.orders()
        yield from ending
        for directory, placement in jobs.items():
            if self.poll(directory).state != "finished":
                yield self._order(directory, placement)
                if JobPaths(directory).stop.exists():
                    yield Stop(str(directory))

    def _hear(self, news: News) -> None:
        match news:
            case Moved():
                self._move(Path(news.job), progress_of(news.state))
            case Lost():
                self._lose(Path(news.job), news)
            case Waits():
                self._explain(Path(news.job), news.reason)
            case Ended():
                with self._ended:
                    if self._ending.pop(Path(news.job), None):
                        _remove(Path(news.job))  # its machines may have written to it since it was forgotten
                    self._ended.notify_all()
                self._on_change()
            case NodePlaced() | NodeWaits() | NodeLost() | NodeReleased():
                with self._ended:
                    self._nodes.hear(news)
                    self._ended.notify_all()
                self._on_change()
            case Unreachable():
                with self._lock:
                    self._nodes.explain(news.reason)
                self._on_change()
                for directory in list(self._jobs):
                    self._explain(directory, news.reason)
            case Connected():
                self._on_change()  # some may have ended while nobody watched

    def _move(self, directory: Path, progress: Progress) -> None:
        with self._lock:
            if directory not in self._jobs or self._is_finished(directory):
                return
            self._known[directory] = progress
        self._on_change()

    def _lose(self, directory: Path, news: Lost) -> None:
        """A job whose nodes are gone has ended, unless its supervisor could still say how it did."""
        progress = read_progress(JobPaths(directory))
        if progress.state != "finished":
            message = f"{ERRORS['JobNodeLost']}: {', '.join(news.nodes)}: {news.reason}"
            progress = _lost(progress, self._clock.now(), message, news.nodes)
        self._move(directory, progress)

    def _is_finished(self, directory: Path) -> bool:
        known = self._known.get(directory)
        return known is not None and known.state == "finished"

    def _explain(self, directory: Path, reason: str) -> None:
        """Write into a job's logs why it does not run yet, once for each reason."""
        with self._lock:
            placement = self._jobs.get(directory)
            if placement is None or self._reasons.get(directory) == reason or self._is_finished(directory):
                return
            self._reasons[directory] = reason
        JobLog(placement.logs, str(directory), self._clock).write(f"waits: {reason}")

    def _settings(self) -> dict[str, str]:
        directory = self._options.directory
        known = {"emulator": self._options.emulator, "data": str(directory.parent)}
        if self._options.address:
            return {"address": self._options.address, **known}
        address = ensure_own_cluster(directory, self._surroundings())
        return {"address": address, "log": str(log_of(directory)), **known}

    def _environment(self) -> dict[str, str]:
        if not self._options.address:
            return self._surroundings() | own_environment(self._options.directory)
        is_loopback = self._options.address.startswith(f"{LOOPBACK}:")
        system = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} if is_loopback else {}
        return {"RAY_AUTH_MODE": "token", **system, **self._surroundings()}

    def _surroundings(self) -> dict[str, str]:
        kept = {name: value for name, value in self._environ.items() if name.startswith("RAY_") or name in _INHERITED}
        return {"PATH": os.defpath, "RAY_USAGE_STATS_ENABLED": "0", **kept}


def _check_ray() -> None:
    if not _has_ray():
        raise ToolkitError(_NO_RAY)
    if " " in sys.executable:  # Ray's daemons take the words of a command line apart at spaces
        raise ToolkitError(f"Ray does not start with a Python whose path has a space: {sys.executable}; move it")


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(directory)


def _has_ray() -> bool:
    return importlib.util.find_spec("ray") is not None


def _lost(progress: Progress, now: datetime, message: str, nodes: tuple[str, ...]) -> Progress:
    return dataclasses.replace(
        progress,
        state="finished",
        ended=now,
        exit_code=None,
        error="JobNodeLost",
        message=message,
        lost_nodes=nodes,
    )
