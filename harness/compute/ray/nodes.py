"""The nodes of the emulator's clusters: each has a machine until it is released, or until the machine is gone."""

import asyncio
import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from harness.compute.ray.messages import News, Node, NodeLost, NodePlaced, NodeReleased, NodeWaits, Place, Release
from harness.compute.ray.placements import Placed, Placements

_PAUSE = 1.0  # seconds after which an agent that does not answer is asked again


class Nodes:
    """Finds and watches machines.

    Args:
        tell: gives news to the emulator.
    """

    def __init__(self, placements: Placements, tell: Callable[[News], None]) -> None:
        self._placements, self._tell = placements, tell
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._held: dict[str, Placed] = {}
        self._machines: dict[str, Counter[str]] = {}  # by the directory of a cluster

    def place(self, order: Place) -> None:
        """Begin to find a machine for a node."""
        if order.node.id not in self._tasks:
            self._tasks[order.node.id] = asyncio.get_running_loop().create_task(self._keep(order))

    def release(self, order: Release) -> None:
        """Give the machine of a node back."""
        if task := self._tasks.pop(order.node, None):
            task.cancel()
        held = self._held.get(order.node)
        self._forget(order.node, order.directory)
        if held is not None and hasattr(held.agent, "clear"):  # an agent of an earlier version has none
            held.agent.clear.remote()  # if it ends first, the next agent there deletes the files
        self._placements.release(order.directory)
        self._tell(NodeReleased(order.node))

    def held(self, nodes: Sequence[Node]) -> list[Placed]:
        """Nodes that have machines; none where one of them has none."""
        found = [self._held[node.id] for node in nodes if node.id in self._held]
        return found if len(found) == len(nodes) else []

    async def _keep(self, order: Place) -> None:
        """From the order to the loss of a node."""
        node, cluster = order.node, self._cluster(order.directory)
        try:
            placed = await self._found(order, cluster)
            self._held[node.id] = placed
            cluster[placed.facts["address"]] += 1
            self._tell(NodePlaced(node.id))
            while True:
                with contextlib.suppress(ActorUnavailableError):  # for now
                    await placed.agent.live.remote()
                await asyncio.sleep(_PAUSE)
        except RayActorError:
            self._lose(order)
        except Exception:  # nobody awaits this task, and without an end the node would wait for ever
            traceback.print_exc()  # into the driver's log
            await asyncio.sleep(_PAUSE)  # the next node may fail in the same way
            self._lose(order)

    def _lose(self, order: Place) -> None:
        self._forget(order.node.id, order.directory)
        self._tasks.pop(order.node.id, None)
        self._placements.release(order.directory)
        self._tell(NodeLost(order.node.id))

    async def _found(self, order: Place, cluster: Counter[str]) -> Placed:
        node = order.node
        while True:
            try:
                placed = await self._placements.place_one(
                    order.directory, node, cluster, lambda why: self._tell(NodeWaits(node.id, why))
                )
            except RayActorError:
                raise
            except RayTaskError as error:
                self._tell(NodeWaits(node.id, str(error.cause)))
            except (RayError, ValueError) as error:
                self._tell(NodeWaits(node.id, str(error)))
            else:
                return placed
            await asyncio.sleep(_PAUSE)  # it may be otherwise by then

    def _forget(self, node: str, directory: str) -> None:
        if placed := self._held.pop(node, None):
            self._cluster(directory)[placed.facts["address"]] -= 1

    def _cluster(self, directory: str) -> Counter[str]:
        return self._machines.setdefault(str(Path(directory).parent), Counter())
