"""The agent on the machine of a node: a detached actor that starts jobs there and reports their states.

It holds the resources of the node's size for as long as the node exists, and outlives the driver that created it and
the emulator. If it sees the emulator's data directory, it releases its machine when that is deleted, since no driver
will connect any more. If it dies, the node is lost: the programs that it has started end with it (``leash.py``). Jobs
are identified by the paths of their directories on the emulator's machine; a machine that does not see those has copies
of their files (``staged_job.py``).
"""

import asyncio
import contextlib
import hashlib
import json
import os
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.util.placement_group import remove_placement_group

from harness.atomic_file import write_file
from harness.clock import SystemClock
from harness.compute.backend import ERRORS
from harness.compute.job_files import read_state
from harness.compute.job_processes import kill_job_processes, supervisor_command, terminate_supervisor
from harness.compute.paths import JobPaths
from harness.compute.ray.keeper import PAUSE, is_same_directory
from harness.compute.ray.node_programs import (
    Facts,
    Server,
    encode_servers,
    find_interface,
    last_line,
    start_program,
)
from harness.compute.ray.planning import NodeFacts, nodes_file, resolve
from harness.compute.ray.staged_job import StagedJob, Staging
from harness.compute.ray.staging_folders import StagingFolder, StagingFolders, staging_directory
from harness.compute.supervisor import prepare

_FINISHED = "finished"


@dataclass(slots=True)
class WatchedJob:
    """A job on this node. ``version`` counts its states."""

    directory: Path
    key: str = field(default="", repr=False)
    server: tuple[str, int] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    launching: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_launched: bool = False
    is_over: bool = False  # its supervisor has ended by itself, so no process of it is left here
    staged: StagedJob | None = None
    staging: asyncio.Lock = field(default_factory=asyncio.Lock)


class NodeAgent:
    """The agent of one node.

    Args:
        data: the data directory of the emulator.
        inode: the inode of that directory.
    """

    def __init__(self, data: str = "", inode: int = 0) -> None:
        self._data, self._inode = Path(data), inode
        self._is_watching = False
        self._jobs: dict[str, WatchedJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # references that keep the tasks from being garbage-collected
        self._address = ray.util.get_node_ip_address()
        self._ray_node = os.pidfd_open(os.getppid())
        self._folders = StagingFolders(staging_directory())
        self._folder: StagingFolder | None = None

    async def describe(self) -> dict[str, Any]:
        """Return the facts about the node that a driver needs."""
        if not self._is_watching and self._inode:
            self._is_watching = True
            self._tasks.add(asyncio.get_running_loop().create_task(self._release_with_data()))
        return {
            "address": self._address,
            "gpus": [str(gpu) for gpu in ray.get_gpu_ids()],
            "interface": find_interface(self._address),
            "machine": ray.get_runtime_context().get_node_id(),
        }

    async def sees(self, path: str, digest: str) -> bool:
        """Whether this machine sees a file of the emulator's machine: the same content under the same path."""
        try:
            content = await asyncio.to_thread(Path(path).read_bytes)
        except OSError:
            return False
        return hashlib.sha256(content).hexdigest() == digest

    async def stage(self, staging: Staging) -> str:
        """Create the staging folder for the files of a job; return its marker.

        Raises:
            OSError: it cannot be created.
        """
        watched = self._job(staging.job)
        async with watched.staging:
            if watched.staged is None:
                if self._folder is None:
                    await asyncio.to_thread(self._folders.sweep)
                    self._folder = await asyncio.to_thread(self._folders.hold, "node", staging.nodes[staging.node])
                watched.staged = await asyncio.to_thread(StagedJob, self._folders, staging)
                watched.directory = watched.staged.directory
            return watched.staged.marker

    async def files(self, job: str, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of ``StagedJob`` for a job.

        Raises:
            OSError: its files are not staged here, or the method raises it.
        """
        watched = self._jobs.get(job)
        if watched is None or watched.staged is None:
            raise FileNotFoundError(f"the files of {job} are not staged on {self._address}")
        async with watched.staging:
            return await asyncio.to_thread(getattr(watched.staged, method), *arguments, **named)

    async def marker(self, job: str) -> str:
        """Return the marker of a job's staging folder; empty if its files are not staged here."""
        watched = self._jobs.get(job)
        return watched.staged.marker if watched and watched.staged else ""

    async def prepare(self, job: str, plan: str, servers: Sequence[Server], facts: Facts) -> None:
        """Create the directories, small files and links of a staged job whose supervisor is on another node.

        Raises:
            OSError: they cannot be created.
        """
        watched = self._job(job)
        text = self._resolve_plan(watched, plan, facts)
        await asyncio.to_thread(prepare, json.loads(text), str(watched.directory))
        write_file(nodes_file(JobPaths(watched.directory)), encode_servers(watched.key, servers))

    async def clear(self) -> None:
        """Delete the staged files of the node, which is being released."""
        if self._folder is not None:
            await asyncio.to_thread(self._folder.remove)

    async def live(self) -> None:
        """Never return; the call fails when the node is lost."""
        await asyncio.Event().wait()

    async def _release_with_data(self) -> None:
        """Release the machine when the data directory, if this machine sees it, is deleted."""
        if not await asyncio.to_thread(is_same_directory, self._data, self._inode):
            return
        while await asyncio.to_thread(is_same_directory, self._data, self._inode):
            await asyncio.sleep(PAUSE)
        await self.clear()
        remove_placement_group(ray.util.get_current_placement_group())

    async def serve(self, job: str, key: str, variables: Mapping[str, str]) -> tuple[str, int]:
        """Start a server for a job of several nodes, unless it runs; return its address and port."""
        watched = self._job(job)
        watched.key = key
        async with watched.launching:
            if watched.server is None:
                if watched.staged:
                    variables = {name: watched.staged.rewriting.text(value) for name, value in variables.items()}
                order = {"agent": os.getpid(), "address": self._address, "key": key, "variables": variables}
                facts = await asyncio.to_thread(start_program, "node_server", order)
                watched.server = (self._address, int(facts["port"]))
        return watched.server

    async def launch(
        self, job: str, key: str, servers: Sequence[Server], facts: Facts, plan: str = "", *, is_stopped: bool = False
    ) -> None:
        """Start the supervisor of a job, unless it was started before.

        Args:
            servers: node, address and port of the servers of a job with several nodes.
            facts: the facts about the job's nodes.
            plan: the plan of a job whose files are staged.
            is_stopped: whether the end of the job has already been requested.

        Raises:
            OSError: it cannot be started.
        """
        watched = self._job(job)
        paths = JobPaths(watched.directory)
        async with watched.launching:
            if watched.is_launched:
                return
            text = self._resolve_plan(watched, plan or paths.plan.read_text(encoding="utf-8"), facts)
            write_file(paths.plan, text.encode())
            if is_stopped:
                paths.stop.touch()
            if servers:
                write_file(nodes_file(paths), encode_servers(key, servers))
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
            leash = (await asyncio.to_thread(start_program, module, order))["pid"]
            watched.is_launched = True
            self._watch(watched, bell, leash)

    async def progress(self, job: str, last_version: int) -> tuple[int, dict[str, Any]]:
        """Wait for a state of a job that is newer than ``last_version``; return its version and the state."""
        watched = self._job(job)
        async with watched.changed:
            await watched.changed.wait_for(lambda: watched.version > last_version)
            return watched.version, watched.state

    async def stop(self, job: str) -> None:
        """Request the end of a job from its supervisor."""
        directory = self._job(job).directory
        with contextlib.suppress(FileNotFoundError):  # the job has been removed in between
            JobPaths(directory).stop.touch()
        await asyncio.to_thread(terminate_supervisor, directory)

    async def end(self, job: str) -> None:
        """Kill the remaining processes of a job on this machine, and forget it."""
        watched = self._jobs.pop(job, None)
        directory = watched.directory if watched else Path(job)
        if watched is None or not watched.is_over or watched.server:
            await asyncio.to_thread(kill_job_processes, directory)
        if watched and watched.staged:
            async with watched.staging:
                await asyncio.to_thread(watched.staged.remove)

    def _job(self, job: str) -> WatchedJob:
        return self._jobs.setdefault(job, WatchedJob(Path(job)))

    def _resolve_plan(self, watched: WatchedJob, plan: str, facts: Facts) -> str:
        """Return a plan with the facts about its nodes and the paths of this machine filled in."""
        node_facts = {
            node: NodeFacts(description["address"], tuple(description["gpus"]), description["interface"])
            for node, description in facts.items()
        }
        return resolve(json.dumps(watched.staged.plan(plan)) if watched.staged else plan, node_facts)

    def _watch(self, watched: WatchedJob, bell: int, leash: int) -> None:
        """Publish each new state, until the end of the job."""
        loop = asyncio.get_running_loop()
        try:
            handle = os.pidfd_open(leash)
        except ProcessLookupError:  # the job has already ended
            os.close(bell)
            self._tasks.add(loop.create_task(self._publish(watched, is_over=True)))
            return

        def on_bell() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(bell, 4096)
            self._tasks.add(loop.create_task(self._publish(watched, is_over=False)))

        def on_exit() -> None:
            for descriptor in (bell, handle):
                loop.remove_reader(descriptor)
                os.close(descriptor)
            self._tasks.add(loop.create_task(self._publish(watched, is_over=True)))

        loop.add_reader(bell, on_bell)
        loop.add_reader(handle, on_exit)

    async def _publish(self, watched: WatchedJob, *, is_over: bool) -> None:
        """Publish the current state of a job to the callers that wait for it."""
        if is_over and select.select([self._ray_node], [], [], 0)[0]:  # the Ray node, and so this agent, is ending
            return
        state = read_state(JobPaths(watched.directory))
        if is_over and state.get("state") != _FINISHED:
            await asyncio.to_thread(kill_job_processes, watched.directory)
        watched.is_over |= is_over
        if is_over and state.get("state") != _FINISHED:
            line = last_line(JobPaths(watched.directory).log)
            error = "JobStartFailed" if line else "JobSupervisorLost"
            message = f"{ERRORS[error]}: {line}" if line else None
            state = {
                **state,
                "state": _FINISHED,
                "ended": SystemClock().now().timestamp(),
                "error": error,
                "message": message,
            }
        async with watched.changed:
            if state != watched.state:
                watched.state, watched.version = state, watched.version + 1
                watched.changed.notify_all()
        self._tasks = {task for task in self._tasks if not task.done()}
