"""The driver: carries out the emulator's orders on a Ray cluster, and tells it the news.

It may end at any moment, with the emulator or with Ray: what runs is held by detached actors, and the next driver is
given all orders again. Ending it ends no job.
"""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from harness.clock import SystemClock
from harness.compute.backend import ERRORS
from harness.compute.ray.messages import End, Ended, Lost, Moved, News, Order, Place, Release, Run, Stop, Waits
from harness.compute.ray.mirror import KnownDigests
from harness.compute.ray.nodes import Nodes
from harness.compute.ray.placements import Placed, Placements
from harness.compute.ray.staging import JobFiles, is_seen

_PAUSE = 1.0  # seconds after which an agent that does not answer is asked again


class Driver:
    """Jobs on a Ray cluster that this process is connected with.

    Args:
        emulator: the id of the emulator.
        data: its data directory.
        tell: gives news to the emulator.
    """

    def __init__(self, emulator: str, data: Path, tell: Callable[[News], None]) -> None:
        self._placements = Placements(emulator, data)
        self._placements.sweep()
        self._tell, self._data = tell, data
        self._digests: KnownDigests = {}
        self._files: dict[str, JobFiles] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._placed: dict[str, list[Placed]] = {}
        self._nodes = Nodes(self._placements, tell)
        self._tasks: set[asyncio.Task[None]] = set()

    def obey(self, order: Order) -> None:
        """Begin to carry out an order."""
        match order:
            case Run():
                if order.job not in self._runs:
                    self._runs[order.job] = asyncio.get_running_loop().create_task(self._run(order))
            case Stop():
                self._begin(self._stop(order.job))
            case End():
                self._begin(self._end(order))
            case Place():
                self._nodes.place(order)
            case Release():
                self._nodes.release(order)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks = {task for task in self._tasks if not task.done()}
        self._tasks.add(asyncio.get_running_loop().create_task(work))

    async def _run(self, order: Run) -> None:
        """From the machines of a job to its end."""
        job = order.job
        try:
            if order.is_claimed:
                self._placed[job] = await self._placements.find(order.nodes)
                files = JobFiles(order, self._data, self._digests)
                if await files.resume(self._placed[job]):
                    self._files[job] = files
            else:
                self._placed[job] = await self._machines(order)
                await self._launch(order, self._placed[job])
            if job in self._files:
                self._files[job].keep()
            await self._follow(job, self._placed[job][0])
        except RayActorError as error:
            await self._lose(order, str(error))
        except RayTaskError as error:
            self._tell(Moved(job, _ended("JobStartFailed", str(error.cause))))
        except (RayError, ValueError, OSError) as error:
            self._tell(Moved(job, _ended("JobStartFailed", str(error))))
        except Exception as error:  # nobody awaits this task, and without an end the job would wait for ever
            traceback.print_exc()  # into the driver's log
            await self._abandon(order, error)

    async def _machines(self, order: Run) -> list[Placed]:
        """Those of the nodes, where their cluster has asked for them; else some for this job alone."""
        if held := self._nodes.held(order.nodes):
            return held
        with contextlib.suppress(RayActorError):
            return await self._placements.find(order.nodes)
        return await self._placements.place_all(order.job, order.nodes, lambda why: self._tell(Waits(order.job, why)))

    async def _launch(self, order: Run, placed: list[Placed]) -> None:
        servers: list[tuple[str, str, int]] = []
        if not await is_seen(order.job, placed):
            self._files[order.job] = JobFiles(order, self._data, self._digests)
            await self._files[order.job].begin(placed)
        if len(placed) > 1:
            wanted = zip(placed, order.nodes, strict=True)
            found = await asyncio.gather(
                *(each.agent.serve.remote(order.job, order.key, dict(node.variables)) for each, node in wanted)
            )
            servers = [(each.id, host, port) for each, (host, port) in zip(placed, found, strict=True)]
        facts = {each.id: each.facts for each in placed}
        if files := self._files.get(order.job):
            await files.start(placed, servers, facts)
        else:
            await placed[0].agent.launch.remote(order.job, order.key, servers, facts)

    async def _follow(self, job: str, first: Placed) -> None:
        """Pass on each state of a job, until its end or that of its first node."""
        seen = 0
        while True:
            try:
                seen, state = await first.agent.progress.remote(job, seen)
            except ActorUnavailableError:  # for now
                await asyncio.sleep(_PAUSE)
                continue
            if files := self._files.get(job):
                state = await files.record(state)
            self._tell(Moved(job, state))
            if state.get("state") == "finished":
                return

    async def _lose(self, order: Run, reason: str) -> None:
        """Say that a job has lost nodes, once nothing of it is left on the others."""
        placed = self._placed.pop(order.job, [])
        living = [each for each in placed if await self._placements.lives(each)]
        if files := self._files.pop(order.job, None):
            await files.rescue()
        await asyncio.gather(*(each.agent.end.remote(order.job) for each in living), return_exceptions=True)
        names = {each.id for each in living}
        lost = tuple(node.id for node in order.nodes if node.id not in names)
        self._tell(Lost(order.job, lost, reason.strip().partition("\n")[0]))

    async def _abandon(self, order: Run, error: Exception) -> None:
        """End a job after a fault of this program."""
        if files := self._files.pop(order.job, None):
            await files.rescue()
        ends = [agent.end.remote(order.job) for agent in self._placements.agents([node.id for node in order.nodes])]
        await asyncio.gather(*ends, return_exceptions=True)
        code = "JobSupervisorLost" if self._placed.get(order.job) else "JobStartFailed"
        words = f"the driver of Ray has failed ({type(error).__name__}: {error}); driver.log has the traceback"
        self._tell(Moved(order.job, _ended(code, words)))

    async def _stop(self, job: str) -> None:
        """Ask for the end of a job. One that has no machines yet ends at once."""
        files = self._files.get(job)
        if files is not None and not files.is_started:
            await self._give_up(job)
        elif job in self._placed:
            with contextlib.suppress(RayError):  # who follows it hears that, too
                await self._placed[job][0].agent.stop.remote(job)
        elif (run := self._runs.get(job)) and run.cancel():
            self._placements.release(job)
            self._tell(Moved(job, _ended("JobTerminated")))

    async def _give_up(self, job: str) -> None:
        """End a job while its files are being copied to its machines."""
        if (run := self._runs.get(job)) and run.cancel():
            del self._files[job]
            ends = [each.agent.end.remote(job) for each in self._placed.pop(job, [])]
            await asyncio.gather(*ends, return_exceptions=True)
            self._placements.release(job)
            self._tell(Moved(job, _ended("JobTerminated")))

    async def _end(self, order: End) -> None:
        if run := self._runs.pop(order.job, None):
            run.cancel()
        self._placed.pop(order.job, None)
        if files := self._files.pop(order.job, None):
            await files.stop()
        ends = [agent.end.remote(order.job) for agent in self._placements.agents(order.nodes)]
        await asyncio.gather(*ends, return_exceptions=True)
        self._placements.release(order.job)
        self._tell(Ended(order.job))


def _ended(error: str, words: str = "") -> dict[str, object]:
    """The state of a job that was never started."""
    message = f"{ERRORS[error]}: {words}" if words else ERRORS[error]
    return {"state": "finished", "ended": SystemClock().now().timestamp(), "error": error, "message": message}
