"""Machines for nodes: placement groups, and an agent in each of their bundles.

A node of a cluster has a group of its own, for as long as it lives. Nodes that no cluster has asked for get one group
with their job: all of them at one time or none. Groups and agents are detached, and named for the directory of the node
or job, and for the node: so the next driver finds them, and gives back what nobody needs.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray._private.state import available_resources_per_node
from ray.exceptions import RayActorError
from ray.util.placement_group import (
    PlacementGroup,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from harness.compute.ray.agent import NodeAgent
from harness.compute.ray.demands import choose, demand, holds, reason
from harness.compute.ray.messages import Node

_PIN = 0.001  # of the resource by which Ray names each machine: enough to be placed there
_PATIENCE = 2.0  # seconds after which a node that waits says why


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with a machine. ``facts`` are what its agent says of it."""

    id: str
    agent: Any
    facts: dict[str, Any]


class Placements:
    """The machines of the nodes of one emulator.

    Args:
        emulator: the id of the emulator, which the names of its groups and agents carry.
        data: its data directory.
    """

    def __init__(self, emulator: str, data: Path) -> None:
        self._emulator, self._data = emulator, data

    async def place_all(self, owner: str, nodes: Sequence[Node], waits: Callable[[str], None]) -> list[Placed]:
        """Machines for nodes at one time, each its own where there are as many.

        Args:
            owner: a directory, under whose name they are found again; where it is gone, they are given back.
            waits: told why there are none yet.

        Raises:
            RayActorError: one of them was lost.
        """
        total = ray.cluster_resources()
        bundles = [demand(node, total) for node in nodes]
        machines = sum(1 for machine in ray.nodes() if machine["Alive"] and holds(machine["Resources"], bundles))
        strategy = "STRICT_SPREAD" if machines >= len(bundles) else "SPREAD"
        group = self._group(owner, bundles, strategy)
        agents = [self._agent(group, number, node, bundles[number]) for number, node in enumerate(nodes)]
        found = _described(nodes, agents)
        while not await _has_ended(found):
            if _is_pending(group):
                waits(reason(bundles, ray.available_resources()))
        return found.result()

    async def place_one(self, owner: str, node: Node, cluster: Counter[str], waits: Callable[[str], None]) -> Placed:
        """A machine for a node: one of those where its cluster has the fewest nodes. One that has a machine keeps it.

        Args:
            cluster: how many nodes of its cluster each machine has, by address.

        Raises:
            RayActorError: it was lost.
        """
        with contextlib.suppress(RayActorError):
            return (await self.find([node]))[0]
        while True:
            bundle = demand(node, ray.cluster_resources())
            machine = choose(bundle, _free(), cluster)
            pin = {f"node:{machine}": _PIN} if machine else {}
            group = self._group(owner, [bundle | pin], "PACK")
            agent = self._agent(group, 0, node, bundle)
            found = _described([node], [agent])
            while not await _has_ended(found):
                if _is_pending(group):
                    waits(reason([bundle], ray.available_resources()))
                    if machine or choose(bundle, _free(), cluster):  # somebody else was first, or there is one by now
                        break
            if found.done():
                return found.result()[0]
            found.cancel()
            ray.kill(agent)  # one whose group is removed first would wait for it for ever, under the name of the node
            self.release(owner)

    async def find(self, nodes: Sequence[Node]) -> list[Placed]:
        """Nodes that have had machines.

        Raises:
            RayActorError: one of them was lost.
        """
        try:
            agents = [ray.get_actor(self._name(node.id), namespace=self._namespace) for node in nodes]
        except ValueError as error:
            raise RayActorError(error_msg=str(error)) from error
        return await _described(nodes, agents)

    def agents(self, nodes: Iterable[str]) -> list[Any]:
        """Those that there are of nodes."""
        found = []
        for node in nodes:
            with contextlib.suppress(ValueError):  # there is none
                found.append(ray.get_actor(self._name(node), namespace=self._namespace))
        return found

    async def lives(self, node: Placed) -> bool:
        """Whether a node that had a machine still has it."""
        try:
            await asyncio.wait_for(node.agent.describe.remote(), _PATIENCE)
        except (RayActorError, TimeoutError):
            return False
        return True

    def release(self, owner: str) -> None:
        """Give machines back, which ends the agents on them."""
        with contextlib.suppress(ValueError):  # there are none
            remove_placement_group(get_placement_group(self._name(owner)))

    def sweep(self) -> None:
        """Give back the machines of jobs whose directories were removed while no driver could be told."""
        for group in placement_group_table().values():
            owner = str(group["name"]).removeprefix(self._name(""))
            if group["state"] != "REMOVED" and owner != group["name"] and not Path(owner).exists():
                self.release(owner)

    def _group(self, owner: str, bundles: list[dict[str, float]], strategy: str) -> PlacementGroup:
        with contextlib.suppress(ValueError):  # there is none
            return get_placement_group(self._name(owner))
        return placement_group(bundles, strategy=strategy, lifetime="detached", name=self._name(owner))

    def _agent(self, group: PlacementGroup, bundle: int, node: Node, resources: dict[str, float]) -> Any:
        return (
            ray.remote(NodeAgent)
            .options(
                name=self._name(node.id),
                namespace=self._namespace,
                lifetime="detached",
                get_if_exists=True,
                max_restarts=0,
                num_cpus=0,
                num_gpus=resources.get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle),
            )
            .remote(str(self._data), self._data.stat().st_ino)
        )

    @property
    def _namespace(self) -> str:
        return f"batchai-harness-{self._emulator}"

    def _name(self, text: str) -> str:
        return f"batchai-harness/{self._emulator}/{text}"


def _free() -> dict[str, Mapping[str, float]]:
    """What each machine has left, by its address; with several at one address, the last one's."""
    addresses = {machine["NodeID"]: machine["NodeManagerAddress"] for machine in ray.nodes() if machine["Alive"]}
    left = available_resources_per_node()
    return {address: left[machine] for machine, address in addresses.items() if machine in left}


def _described(nodes: Sequence[Node], agents: Sequence[Any]) -> asyncio.Future[list[Placed]]:
    async def describe() -> list[Placed]:
        facts = await asyncio.gather(*(agent.describe.remote() for agent in agents))
        return [Placed(node.id, agent, each) for node, agent, each in zip(nodes, agents, facts, strict=True)]

    return asyncio.ensure_future(describe())


async def _has_ended(found: asyncio.Future[list[Placed]]) -> bool:
    done, _ = await asyncio.wait([found], timeout=_PATIENCE)
    return bool(done)


def _is_pending(group: PlacementGroup) -> bool:
    return bool(placement_group_table(group).get("state") == "PENDING")  # empty while Ray has not noted the group yet
