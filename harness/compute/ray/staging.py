"""Staging of a job's files on machines that do not see the emulator's data directory: the driver's half.

A marker shows whether a machine sees the data directory: a file of the job directory that holds a random key. If one of
a job's machines does not see it, the driver copies the job's files to all of them, into folders of their own
(``staging_folders.py``), and the agents rewrite the paths in the plan. The files are sent over Ray's connections, which
the cluster's token protects: the emulator opens no port, and the machines need no credentials of its storage. While the
job runs, the driver synchronizes both sides (``mirror.py``). It reports the end of the job after the last files.
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
from harness.compute.ray.placements import Placed
from harness.compute.ray.staged_job import Staging
from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import Entry

_SHORTEST, _LONGEST = 1.0, 60.0  # seconds between two synchronizations
_SHARE = 10  # a synchronization takes at most one tenth of the time
_LAST_ROUNDS = 5  # the most synchronizations after the end of a job; one without changes is the last
_PREPARED = ("directories", "files", "links")  # the parts of a plan that every machine needs
_SECONDS = 60.0  # time limit to copy the files of a job that has lost a node


async def is_seen(job: str, placed: Sequence[Placed]) -> bool:
    """Whether all machines of a job see its directory on the emulator's machine."""
    marker = JobPaths(Path(job)).placement
    digest = hashlib.sha256(marker.read_bytes()).hexdigest()
    return all(await asyncio.gather(*(each.agent.sees.remote(str(marker), digest) for each in placed)))


class JobFiles:
    """The files of one job on its machines.

    Args:
        order: the job.
        data: the data directory of the emulator.
        digests: the known digests of files in it.
    """

    def __init__(self, order: Run, data: Path, digests: KnownDigests) -> None:
        self._order, self._data, self._digests = order, data, digests
        aside = data / "ray" / "staging"
        self._files = [TreeFiles(data, tree.path, only=tree.only, aside=aside) for tree in order.trees]
        self._mirrors: list[Mirror] = []
        self._keeping: asyncio.Task[None] | None = None
        self.is_started = False

    async def begin(self, placed: Sequence[Placed]) -> None:
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
            Staging(self._order.job, str(self._data), node=each.id, nodes=nodes, trees=self._order.trees)
            for each in placed
        ]
        markers = await asyncio.gather(
            *(each.agent.stage.remote(own) for each, own in zip(placed, staging, strict=True))
        )
        await self._meet(placed, markers)
        here = await asyncio.to_thread(self._entries, make=True)
        await asyncio.gather(*(mirror.push(here) for mirror in self._mirrors))

    async def resume(self, placed: Sequence[Placed]) -> bool:
        """Continue the staging of an earlier driver. Returns False if the files of the job are not staged."""
        if not all(hasattr(each.agent, "marker") for each in placed):  # agents of an earlier version
            return False
        markers = await asyncio.gather(*(each.agent.marker.remote(self._order.job) for each in placed))
        if not all(markers):
            return False
        await self._meet(placed, markers)
        self.is_started = True
        return True

    def keep(self) -> None:
        """Start to synchronize both sides."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def start(self, placed: Sequence[Placed], servers: Sequence[Server], facts: Facts) -> None:
        """Prepare all machines for the plan, then start the supervisor on the first one.

        Raises:
            OSError: the plan cannot be read.
            RayTaskError: a machine cannot prepare the plan; the cause is its OSError.
        """
        job, paths = self._order.job, JobPaths(Path(self._order.job))
        with contextlib.suppress(FileNotFoundError):  # an earlier driver has started it and ended before the next lines
            plan = paths.plan.read_text(encoding="utf-8")
            shown = json.dumps({name: each for name, each in json.loads(plan).items() if name in _PREPARED})
            await asyncio.gather(*(each.agent.prepare.remote(job, shown, servers, facts) for each in placed[1:]))
            self.is_started = True
            launch = placed[0].agent.launch.remote
            await launch(job, self._order.key, servers, facts, plan, is_stopped=paths.stop.exists())
        self.is_started = True
        paths.claim.touch(mode=0o600)
        paths.plan.unlink(missing_ok=True)  # it holds secrets

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
        """Copy the last changes of the job back; returns the problems."""
        await self.stop()
        problems: list[str] = []
        for _ in range(_LAST_ROUNDS):
            problems, found = await self._pull()
            if not found:
                break
        return problems

    async def rescue(self) -> None:
        """Copy back what can be copied after the loss of a node."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.finish(), _SECONDS)

    async def stop(self) -> None:
        """Stop to synchronize."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def _meet(self, placed: Sequence[Placed], markers: Sequence[str]) -> None:
        """Create a mirror for each staging folder; several nodes of one machine share a folder."""
        writing = asyncio.Lock()
        first: dict[str, Placed] = {}
        for marker, each in zip(markers, placed, strict=True):
            first.setdefault(marker, each)
        self._mirrors = [
            Mirror(each.agent, self._order.job, self._order.trees, self._files, digests=self._digests, writing=writing)
            for each in first.values()
        ]
        await asyncio.gather(*(mirror.learn() for mirror in self._mirrors))

    async def _keep(self) -> None:
        clock = SystemClock()
        while True:
            began = clock.monotonic()
            with contextlib.suppress(OSError, RayError):  # the next synchronization tries again
                await self._pull()
                here = await asyncio.to_thread(self._entries, make=False)
                await asyncio.gather(*(mirror.push(here) for mirror in self._mirrors), return_exceptions=True)
            await asyncio.sleep(min(max(_SHORTEST, _SHARE * (clock.monotonic() - began)), _LONGEST))

    async def _pull(self) -> tuple[list[str], bool]:
        """Pull from all machines; returns the problems, and whether there were changes."""
        answers = await asyncio.gather(*(mirror.pull() for mirror in self._mirrors), return_exceptions=True)
        problems = [problem for mirror in self._mirrors for problem in mirror.problems]
        problems += [str(answer).strip().rpartition("\n")[2] for answer in answers if isinstance(answer, BaseException)]
        return problems, any(answer is True for answer in answers)

    def _entries(self, *, make: bool) -> dict[int, dict[str, Entry]]:
        """The entries on the emulator's machine. Trees that a job only reads are sent once, before it starts."""
        found = {}
        for number, (tree, files) in enumerate(zip(self._order.trees, self._files, strict=True)):
            if make and not tree.is_read_only:
                files.make_root()
            if make or not tree.is_read_only:
                found[number] = files.entries()
        return found
