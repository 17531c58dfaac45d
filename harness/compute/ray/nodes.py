"""The nodes of the emulator's clusters: each has a machine until the node is released or the machine is lost."""

import asyncio
import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from harness.compute.ray.messages import Event, Node, NodeLost, NodePlaced, NodeReleased, NodeWaiting, Place, Release
from harness.compute.ray.placements import PlacedNode, Placements

_PAUSE = 1.0  # seconds before a call to an unavailable agent is repeated


class NodeMachines:
    """Finds and watches the machines of nodes.

    Args:
        placements: finds machines.
        report: sends an event to the emulator.
    """

    def __init__(self, placements: Placements, report: Callable[[Event], None]) -> None:
        self._placements, self._report = placements, report
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._placed: dict[str, PlacedNode] = {}
        self._counters: dict[str, Counter[str]] = {}  # nodes by address, for each directory of a cluster

    def acquire(self, order: Place) -> None:
        """Start to find a machine for a node."""
        if order.node.id not in self._tasks:
            self._tasks[order.node.id] = asyncio.get_running_loop().create_task(self._hold(order))

    def release(self, order: Release) -> None:
        """Release the machine of a node."""
        if task := self._tasks.pop(order.node, None):
            task.cancel()
        placed = self._placed.get(order.node)
        self._forget(order.node, order.directory)
        if placed is not None and hasattr(placed.agent, "clear"):  # an agent of an earlier version has none
            placed.agent.clear.remote()  # if the agent ends first, the next agent on the machine deletes the files
        self._placements.release(order.directory)
        self._report(NodeReleased(order.node))

    def placed_nodes(self, nodes: Sequence[Node]) -> list[PlacedNode]:
        """Return the nodes with their machines; an empty list if one of them has none."""
        placed = [self._placed[node.id] for node in nodes if node.id in self._placed]
        return placed if len(placed) == len(nodes) else []

    async def _hold(self, order: Place) -> None:
        """Find a machine for a node, and watch it until it is lost."""
        node, cluster = order.node, self._cluster(order.directory)
        try:
            placed = await self._find_machine(order, cluster)
            self._placed[node.id] = placed
            cluster[placed.facts["address"]] += 1
            self._report(NodePlaced(node.id))
            while True:
                with contextlib.suppress(ActorUnavailableError):  # temporarily
                    await placed.agent.live.remote()
                await asyncio.sleep(_PAUSE)
        except RayActorError:
            self._report_loss(order)
        except Exception:  # no task awaits this one, so the node would otherwise wait for ever
            traceback.print_exc()  # into the driver's log
            await asyncio.sleep(_PAUSE)  # the next node may fail in the same way
            self._report_loss(order)

    def _report_loss(self, order: Place) -> None:
        self._forget(order.node.id, order.directory)
        self._tasks.pop(order.node.id, None)
        self._placements.release(order.directory)
        self._report(NodeLost(order.node.id))

    async def _find_machine(self, order: Place, cluster: Counter[str]) -> PlacedNode:
        node = order.node
        while True:
            try:
                placed = await self._placements.place_one(
                    order.directory, node, cluster, lambda reason: self._report(NodeWaiting(node.id, reason))
                )
            except RayActorError:
                raise
            except RayTaskError as error:
                self._report(NodeWaiting(node.id, str(error.cause)))
            except (RayError, ValueError) as error:
                self._report(NodeWaiting(node.id, str(error)))
            else:
                return placed
            await asyncio.sleep(_PAUSE)  # the cause may be temporary

    def _forget(self, node: str, directory: str) -> None:
        if placed := self._placed.pop(node, None):
            self._cluster(directory)[placed.facts["address"]] -= 1

    def _cluster(self, directory: str) -> Counter[str]:
        return self._counters.setdefault(str(Path(directory).parent), Counter())
