"""What is left on the machine of a node: a detached actor that starts jobs there and tells how they move.

It holds what the node's size asks for, for as long as the node lives, and outlives the driver that made it and the
emulator. Its death is the node's: the programs that it has started end with it (``leash.py``).
"""

import asyncio
import contextlib
import ipaddress
import json
import os
import select
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import ray

from harness.atomic_file import write_file
from harness.clock import SystemClock
from harness.compute.backend import ERRORS
from harness.compute.job_processes import ask_supervisor_to_end, kill_job_processes, supervisor_command
from harness.compute.paths import JobPaths
from harness.compute.ray.planning import NodeFacts, nodes_file, program, resolve

_SECONDS = 60.0  # in which a program has started
_FINISHED = "finished"


@dataclass(slots=True)
class Watched:
    """A job on this node; ``version`` counts its states."""

    directory: Path
    server: tuple[str, int] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    launching: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_launched: bool = False
    is_over: bool = False  # its supervisor has ended by itself, so that nothing is left of it here


class NodeAgent:
    """The agent of one node."""

    def __init__(self) -> None:
        self._jobs: dict[str, Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # so that they are not collected
        self._address = ray.util.get_node_ip_address()
        self._ray_node = os.pidfd_open(os.getppid())

    async def describe(self) -> dict[str, Any]:
        """What a driver has to know of the node."""
        return {
            "address": self._address,
            "gpus": [str(gpu) for gpu in ray.get_gpu_ids()],
            "interface": interface_of(self._address),
            "machine": ray.get_runtime_context().get_node_id(),
        }

    async def check_sees(self, directory: str) -> None:
        """Return if this machine sees a directory of the emulator's.

        Raises:
            OSError: it does not.
        """
        if not await asyncio.to_thread(Path(directory).is_dir):
            raise OSError(
                f"the machine {self._address} does not see {directory}; all machines of the Ray cluster have to see "
                "the emulator's data directory under the same path, by NFS for one"
            )

    async def live(self) -> None:
        """Never returns: it fails when the node is lost."""
        await asyncio.Event().wait()

    async def serve(self, job: str, key: str, variables: Mapping[str, str]) -> tuple[str, int]:
        """Have a server for a job of several nodes: its address and its port."""
        await self.check_sees(job)
        watched = self._job(job)
        async with watched.launching:
            if watched.server is None:
                order = {"agent": os.getpid(), "address": self._address, "key": key, "variables": variables}
                facts = await asyncio.to_thread(_started, "node_server", order)
                watched.server = (self._address, int(facts["port"]))
        return watched.server

    async def launch(
        self, job: str, key: str, servers: Sequence[tuple[str, str, int]], facts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Start the supervisor of a job, unless it was started.

        Args:
            servers: of a job of several nodes: node, address, port.
            facts: what is known of the job's nodes.
        """
        await self.check_sees(job)
        watched = self._job(job)
        paths = JobPaths(watched.directory)
        async with watched.launching:
            if watched.is_launched:
                return
            known = {
                node: NodeFacts(each["address"], tuple(each["gpus"]), each["interface"]) for node, each in facts.items()
            }
            write_file(paths.plan, resolve(paths.plan.read_text(encoding="utf-8"), known).encode())
            if servers:
                content = {"key": key, "nodes": servers, "shell": _shell()}
                write_file(nodes_file(paths), json.dumps(content).encode())
            order = {
                "agent": os.getpid(),
                "argv": supervisor_command(paths.root),
                "log": str(paths.log),
                "servers": [server[1:] for server in servers],
                "key": key,
            }
            module = "lead" if servers else "leash"
            with contextlib.suppress(FileExistsError):
                os.mkfifo(paths.bell, 0o600)
            bell = os.open(paths.bell, os.O_RDWR | os.O_NONBLOCK)
            leash = (await asyncio.to_thread(_started, module, order))["pid"]
            watched.is_launched = True
            self._watch(watched, bell, leash)

    async def progress(self, job: str, seen: int) -> tuple[int, dict[str, Any]]:
        """The state of a job as its supervisor wrote it, once it is another one than the ``seen`` one."""
        watched = self._job(job)
        async with watched.moved:
            await watched.moved.wait_for(lambda: watched.version > seen)
            return watched.version, watched.state

    async def stop(self, job: str) -> None:
        """Ask the supervisor of a job for its end."""
        directory = Path(job)
        with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
            JobPaths(directory).stop.touch()
        await asyncio.to_thread(ask_supervisor_to_end, directory)

    async def end(self, job: str) -> None:
        """Kill what is left of a job on this machine, and forget it."""
        watched = self._jobs.pop(job, None)
        if watched is None or not watched.is_over or watched.server:
            await asyncio.to_thread(kill_job_processes, Path(job))

    def _job(self, job: str) -> Watched:
        return self._jobs.setdefault(job, Watched(Path(job)))

    def _watch(self, watched: Watched, bell: int, leash: int) -> None:
        """Hear of each new state, until the end of the job."""
        loop = asyncio.get_running_loop()
        try:
            handle = os.pidfd_open(leash)
        except ProcessLookupError:  # so short was the job
            os.close(bell)
            self._tasks.add(loop.create_task(self._tell(watched, is_over=True)))
            return

        def rung() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(bell, 4096)
            self._tasks.add(loop.create_task(self._tell(watched, is_over=False)))

        def over() -> None:
            for descriptor in (bell, handle):
                loop.remove_reader(descriptor)
                os.close(descriptor)
            self._tasks.add(loop.create_task(self._tell(watched, is_over=True)))

        loop.add_reader(bell, rung)
        loop.add_reader(handle, over)

    async def _tell(self, watched: Watched, *, is_over: bool) -> None:
        """Give the present state to who waits for it. With its Ray node, the node is lost, and this agent ends, too."""
        if is_over and select.select([self._ray_node], [], [], 0)[0]:
            return
        state = _read_state(watched.directory)
        if is_over and state.get("state") != _FINISHED:
            await asyncio.to_thread(kill_job_processes, watched.directory)
        watched.is_over |= is_over
        if is_over and state.get("state") != _FINISHED:
            words = _last_line(JobPaths(watched.directory).log)
            error = "JobStartFailed" if words else "JobSupervisorLost"
            message = f"{ERRORS[error]}: {words}" if words else None
            state = {
                **state,
                "state": _FINISHED,
                "ended": SystemClock().now().timestamp(),
                "error": error,
                "message": message,
            }
        async with watched.moved:
            if state != watched.state:
                watched.state, watched.version = state, watched.version + 1
                watched.moved.notify_all()
        self._tasks = {task for task in self._tasks if not task.done()}


def interface_of(address: str) -> str:
    """The network interface that has an address; the loopback interface for those of loopback, empty where none has."""
    if ipaddress.ip_address(address).is_loopback:
        return "lo"
    found = psutil.net_if_addrs().items()
    return next((name for name, each in found if any(one.address == address for one in each)), "")


def _started(module: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """Start one of the programs, and what it says once it runs.

    Raises:
        OSError: it does not start.
    """
    ran = subprocess.run(
        program(module),
        input=json.dumps(order).encode(),
        capture_output=True,
        env={"LANG": "C.UTF-8"},
        timeout=_SECONDS,
        check=False,
    )
    try:
        said: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        words = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"{module} has not started: {words or f'exit code {ran.returncode}'}") from None
    return said


def _read_state(directory: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(JobPaths(directory).state.read_bytes())
    except FileNotFoundError:
        return {"state": "waiting"}
    return state


def _last_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""


def _shell() -> str:
    return shutil.which("bash") or "/bin/sh"
