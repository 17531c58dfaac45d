"""The driver's part of staging a job's files on machines that do not see the emulator's data directory.

A marker, a file of the job directory with a random key, shows whether a machine sees the data directory. If one of a
job's machines does not see it, the driver copies the job's files to staging folders on all of them
(``staging_folders.py``), and the agents rewrite the paths in the plan. The files are sent over Ray's connections, which
the cluster's token protects: the emulator opens no port, and the machines need no credentials for its storage. While
the job runs, the driver synchronizes both sides (``mirror.py``). It reports the end of the job after all files are
copied back.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray.exceptions import RayError

from harness.clock import SystemClock
from harness.compute.backend import ERRORS
from harness.compute.job_files import write_state
from harness.compute.paths import JobPaths
from harness.compute.ray.messages import Run
from harness.compute.ray.mirror import KnownDigests, Mirror
from harness.compute.ray.node_programs import Facts, Server
from harness.compute.ray.placements import PlacedNode
from harness.compute.ray.staged_job import Staging
from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import Entry

_SHORTEST, _LONGEST = 1.0, 60.0  # seconds between two synchronizations
_SHARE = 10  # a synchronization takes at most one tenth of the time
_LAST_ROUNDS = 5  # the most synchronizations after the end of a job; one without changes is the last
_PREPARED = ("directories", "files", "links")  # the parts of a plan that every machine needs
_SECONDS = 60.0  # time limit to copy the files of a job that has lost a node


async def is_visible(job: str, placed: Sequence[PlacedNode]) -> bool:
    """Whether all machines of a job see the job directory on the emulator's machine."""
    marker = JobPaths(Path(job)).placement
    digest = hashlib.sha256(marker.read_bytes()).hexdigest()
    return all(await asyncio.gather(*(node.agent.sees.remote(str(marker), digest) for node in placed)))


class JobStaging:
    """The files of one job on its machines.

    Args:
        order: the order to run the job.
        data: the data directory of the emulator.
        digests: the known digests of files in it.
    """

    def __init__(self, order: Run, data: Path, digests: KnownDigests) -> None:
        self._order, self._data, self._digests = order, data, digests
        aside = data / "ray" / "staging"
        self._files = [TreeFiles(data, tree.path, only=tree.only, aside=aside) for tree in order.trees]
        self._mirrors: list[Mirror] = []
        self._sync_task: asyncio.Task[None] | None = None
        self.is_started = False

    async def begin(self, placed: Sequence[PlacedNode]) -> None:
        """Copy all files to the machines.

        Raises:
            OSError: a file cannot be read, or a directory is not in the data directory.
            RayTaskError: a machine cannot write a file; the cause is its OSError.
        """
        for tree in self._order.trees:
            if tree.path.startswith("/"):
                raise OSError(f"a machine of the job does not see {tree.path}, which is not in the data directory")
        nodes = {node.id: node.directory for node in self._order.nodes if node.directory}
        staging = [
            Staging(self._order.job, str(self._data), node=node.id, nodes=nodes, trees=self._order.trees)
            for node in placed
        ]
        markers = await asyncio.gather(
            *(node.agent.stage.remote(item) for node, item in zip(placed, staging, strict=True))
        )
        await self._create_mirrors(placed, markers)
        entries = await asyncio.to_thread(self._entries, make=True)
        await asyncio.gather(*(mirror.push(entries) for mirror in self._mirrors))

    async def resume(self, placed: Sequence[PlacedNode]) -> bool:
        """Continue the staging of an earlier driver. Return False if the files of the job are not staged."""
        if not all(hasattr(node.agent, "marker") for node in placed):  # some agents are of an earlier version
            return False
        markers = await asyncio.gather(*(node.agent.marker.remote(self._order.job) for node in placed))
        if not all(markers):
            return False
        await self._create_mirrors(placed, markers)
        self.is_started = True
        return True

    def start_sync(self) -> None:
        """Start the synchronization of both sides."""
        self._sync_task = asyncio.get_running_loop().create_task(self._synchronize())

    async def start(self, placed: Sequence[PlacedNode], servers: Sequence[Server], facts: Facts) -> None:
        """Prepare all machines for the plan, then start the supervisor on the first one.

        Raises:
            OSError: the plan cannot be read.
            RayTaskError: a machine cannot prepare the plan; the cause is its OSError.
        """
        job, paths = self._order.job, JobPaths(Path(self._order.job))
        with contextlib.suppress(FileNotFoundError):  # an earlier driver ended between the start and the last lines
            plan = paths.plan.read_text(encoding="utf-8")
            preparation = json.dumps({name: part for name, part in json.loads(plan).items() if name in _PREPARED})
            await asyncio.gather(*(node.agent.prepare.remote(job, preparation, servers, facts) for node in placed[1:]))
            self.is_started = True
            launch = placed[0].agent.launch.remote
            await launch(job, self._order.key, servers, facts, plan, is_stopped=paths.stop.exists())
        self.is_started = True
        paths.claim.touch(mode=0o600)
        paths.plan.unlink(missing_ok=True)  # it contains secrets

    async def record(self, state: dict[str, Any]) -> dict[str, Any]:
        """Record a state of the job on the emulator's machine; the end only after all files have been copied back.

        Returns:
            The recorded state, with an error if files could not be copied back.
        """
        if state.get("state") == "finished":
            problems = await self.finish()
            if problems:
                text = f"its files could not all be copied back: {'; '.join(problems)[:1000]}"
                code = state.get("error") or "JobFailed"
                state = {**state, "error": code, "message": f"{state.get('message') or ERRORS[code]}; {text}"}
        with contextlib.suppress(FileNotFoundError):  # the job was removed
            write_state(JobPaths(Path(self._order.job)), state)
        return state

    async def finish(self) -> list[str]:
        """Copy the last changes of the job back; return the problems."""
        await self.stop_sync()
        problems: list[str] = []
        for _ in range(_LAST_ROUNDS):
            problems, has_changes = await self._pull()
            if not has_changes:
                break
        return problems

    async def rescue(self) -> None:
        """Copy back the files that can still be read after the loss of a node."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.finish(), _SECONDS)

    async def stop_sync(self) -> None:
        """Stop the synchronization."""
        if self._sync_task is not None:
            self._sync_task.cancel()
            await asyncio.gather(self._sync_task, return_exceptions=True)
            self._sync_task = None

    async def _create_mirrors(self, placed: Sequence[PlacedNode], markers: Sequence[str]) -> None:
        """Create a mirror for each staging folder; several nodes of one machine share a folder."""
        writing = asyncio.Lock()
        first: dict[str, PlacedNode] = {}
        for marker, node in zip(markers, placed, strict=True):
            first.setdefault(marker, node)
        self._mirrors = [
            Mirror(node.agent, self._order.job, self._order.trees, self._files, digests=self._digests, writing=writing)
            for node in first.values()
        ]
        await asyncio.gather(*(mirror.load_synchronized() for mirror in self._mirrors))

    async def _synchronize(self) -> None:
        clock = SystemClock()
        while True:
            started = clock.monotonic()
            with contextlib.suppress(OSError, RayError):  # the next synchronization tries again
                await self._pull()
                entries = await asyncio.to_thread(self._entries, make=False)
                await asyncio.gather(*(mirror.push(entries) for mirror in self._mirrors), return_exceptions=True)
            await asyncio.sleep(min(max(_SHORTEST, _SHARE * (clock.monotonic() - started)), _LONGEST))

    async def _pull(self) -> tuple[list[str], bool]:
        """Pull from all machines; return the problems, and whether there were changes."""
        answers = await asyncio.gather(*(mirror.pull() for mirror in self._mirrors), return_exceptions=True)
        problems = [problem for mirror in self._mirrors for problem in mirror.problems]
        problems += [str(answer).strip().rpartition("\n")[2] for answer in answers if isinstance(answer, BaseException)]
        return problems, any(answer is True for answer in answers)

    def _entries(self, *, make: bool) -> dict[int, dict[str, Entry]]:
        """Return the entries on the emulator's machine. Trees that a job only reads are sent once, before it starts."""
        entries = {}
        for number, (tree, files) in enumerate(zip(self._order.trees, self._files, strict=True)):
            if make and not tree.is_read_only:
                files.make_root()
            if make or not tree.is_read_only:
                entries[number] = files.entries()
        return entries
