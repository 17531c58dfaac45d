"""The driver: executes the emulator's orders on a Ray cluster, and reports events to it.

It may end at any moment, with the emulator or with Ray: detached actors hold the running jobs, and the next driver gets
all orders again. Its end ends no job.
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
from harness.compute.ray.messages import (
    End,
    Event,
    JobChanged,
    JobLost,
    JobRemoved,
    JobWaiting,
    Order,
    Place,
    Release,
    Run,
    Stop,
)
from harness.compute.ray.mirror import KnownDigests
from harness.compute.ray.nodes import NodeMachines
from harness.compute.ray.placements import PlacedNode, Placements
from harness.compute.ray.staging import JobStaging, is_visible

_PAUSE = 1.0  # seconds before a call to an unavailable agent is repeated


class Driver:
    """Runs jobs on the Ray cluster that this process is connected to.

    Args:
        emulator: the id of the emulator.
        data: the emulator's data directory.
        report: sends an event to the emulator.
    """

    def __init__(self, emulator: str, data: Path, report: Callable[[Event], None]) -> None:
        self._placements = Placements(emulator, data)
        self._placements.sweep()
        self._report, self._data = report, data
        self._digests: KnownDigests = {}
        self._stagings: dict[str, JobStaging] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._placed: dict[str, list[PlacedNode]] = {}
        self._nodes = NodeMachines(self._placements, report)
        self._tasks: set[asyncio.Task[None]] = set()

    def execute(self, order: Order) -> None:
        """Start to execute an order."""
        match order:
            case Run():
                if order.job not in self._runs:
                    self._runs[order.job] = asyncio.get_running_loop().create_task(self._run(order))
            case Stop():
                self._start_task(self._stop(order.job))
            case End():
                self._start_task(self._end(order))
            case Place():
                self._nodes.acquire(order)
            case Release():
                self._nodes.release(order)

    def _start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks = {task for task in self._tasks if not task.done()}
        self._tasks.add(asyncio.get_running_loop().create_task(coroutine))

    async def _run(self, order: Run) -> None:
        """Find machines for a job, start it and follow it to its end."""
        job = order.job
        try:
            if order.is_claimed:
                self._placed[job] = await self._placements.find(order.nodes)
                staging = JobStaging(order, self._data, self._digests)
                if await staging.resume(self._placed[job]):
                    self._stagings[job] = staging
            else:
                self._placed[job] = await self._find_machines(order)
                await self._launch(order, self._placed[job])
            if job in self._stagings:
                self._stagings[job].start_sync()
            await self._follow(job, self._placed[job][0])
        except RayActorError as error:
            await self._report_loss(order, str(error))
        except RayTaskError as error:
            self._report(JobChanged(job, _finished_state("JobStartFailed", str(error.cause))))
        except (RayError, ValueError, OSError) as error:
            self._report(JobChanged(job, _finished_state("JobStartFailed", str(error))))
        except Exception as error:  # no task awaits this one, so the job would otherwise wait for ever
            traceback.print_exc()  # into the driver's log
            await self._abandon(order, error)

    async def _find_machines(self, order: Run) -> list[PlacedNode]:
        """Return the machines that the cluster has requested for the nodes, or find some for this job alone."""
        if placed := self._nodes.placed_nodes(order.nodes):
            return placed
        with contextlib.suppress(RayActorError):
            return await self._placements.find(order.nodes)
        return await self._placements.place_all(
            order.job, order.nodes, lambda reason: self._report(JobWaiting(order.job, reason))
        )

    async def _launch(self, order: Run, placed: list[PlacedNode]) -> None:
        servers: list[tuple[str, str, int]] = []
        if not await is_visible(order.job, placed):
            self._stagings[order.job] = JobStaging(order, self._data, self._digests)
            await self._stagings[order.job].begin(placed)
        if len(placed) > 1:
            pairs = zip(placed, order.nodes, strict=True)
            addresses = await asyncio.gather(
                *(
                    placed_node.agent.serve.remote(order.job, order.key, dict(node.variables))
                    for placed_node, node in pairs
                )
            )
            servers = [(node.id, host, port) for node, (host, port) in zip(placed, addresses, strict=True)]
        facts = {node.id: node.facts for node in placed}
        if staging := self._stagings.get(order.job):
            await staging.start(placed, servers, facts)
        else:
            await placed[0].agent.launch.remote(order.job, order.key, servers, facts)

    async def _follow(self, job: str, first: PlacedNode) -> None:
        """Report each state of a job, until the job or its first node ends."""
        version = 0
        while True:
            try:
                version, state = await first.agent.progress.remote(job, version)
            except ActorUnavailableError:  # temporarily
                await asyncio.sleep(_PAUSE)
                continue
            if staging := self._stagings.get(job):
                state = await staging.record(state)
            self._report(JobChanged(job, state))
            if state.get("state") == "finished":
                return

    async def _report_loss(self, order: Run, reason: str) -> None:
        """Report that a job has lost nodes, after its processes on the other nodes have ended."""
        placed = self._placed.pop(order.job, [])
        survivors = [node for node in placed if await self._placements.is_alive(node)]
        if staging := self._stagings.pop(order.job, None):
            await staging.rescue()
        await asyncio.gather(*(node.agent.end.remote(order.job) for node in survivors), return_exceptions=True)
        names = {node.id for node in survivors}
        lost = tuple(node.id for node in order.nodes if node.id not in names)
        self._report(JobLost(order.job, lost, reason.strip().partition("\n")[0]))

    async def _abandon(self, order: Run, error: Exception) -> None:
        """End a job after a bug in this program."""
        if staging := self._stagings.pop(order.job, None):
            await staging.rescue()
        calls = [agent.end.remote(order.job) for agent in self._placements.agents([node.id for node in order.nodes])]
        await asyncio.gather(*calls, return_exceptions=True)
        code = "JobSupervisorLost" if self._placed.get(order.job) else "JobStartFailed"
        detail = f"the driver of Ray has failed ({type(error).__name__}: {error}); driver.log has the traceback"
        self._report(JobChanged(order.job, _finished_state(code, detail)))

    async def _stop(self, job: str) -> None:
        """Request the end of a job. A job without machines ends at once."""
        staging = self._stagings.get(job)
        if staging is not None and not staging.is_started:
            await self._cancel_staging(job)
        elif job in self._placed:
            with contextlib.suppress(RayError):  # the task that follows the job handles the same error
                await self._placed[job][0].agent.stop.remote(job)
        elif (run := self._runs.get(job)) and run.cancel():
            self._placements.release(job)
            self._report(JobChanged(job, _finished_state("JobTerminated")))

    async def _cancel_staging(self, job: str) -> None:
        """End a job while its files are being copied to its machines."""
        if (run := self._runs.get(job)) and run.cancel():
            del self._stagings[job]
            calls = [node.agent.end.remote(job) for node in self._placed.pop(job, [])]
            await asyncio.gather(*calls, return_exceptions=True)
            self._placements.release(job)
            self._report(JobChanged(job, _finished_state("JobTerminated")))

    async def _end(self, order: End) -> None:
        if run := self._runs.pop(order.job, None):
            run.cancel()
        self._placed.pop(order.job, None)
        if staging := self._stagings.pop(order.job, None):
            await staging.stop_sync()
        calls = [agent.end.remote(order.job) for agent in self._placements.agents(order.nodes)]
        await asyncio.gather(*calls, return_exceptions=True)
        self._placements.release(order.job)
        self._report(JobRemoved(order.job))


def _finished_state(error: str, detail: str = "") -> dict[str, object]:
    """Return the final state of a job that has no supervisor."""
    message = f"{ERRORS[error]}: {detail}" if detail else ERRORS[error]
    return {"state": "finished", "ended": SystemClock().now().timestamp(), "error": error, "message": message}
