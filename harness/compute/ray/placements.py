"""Finds machines for nodes: creates placement groups, and an agent in each of their bundles.

A node of a cluster has its own group for as long as it exists. Nodes that no cluster has requested get one group for
their job, so that all or none of them are placed. Groups and agents are detached. A group is named for the directory of
the node or job, an agent for the node, so the next driver finds them, and releases those that are no longer needed.
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
from harness.compute.ray.demands import choose_machine, node_demand, satisfies, wait_reason
from harness.compute.ray.messages import Node

_PIN_AMOUNT = 0.001  # the requested amount of the resource that is named for one machine, which selects that machine
_WAIT_SECONDS = 2.0  # seconds before the reason for a wait is reported


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """A node with a machine. ``facts`` is its agent's description."""

    id: str
    agent: Any
    facts: dict[str, Any]


class Placements:
    """The machines of the nodes of one emulator.

    Args:
        emulator: the id of the emulator, which is part of the names of its groups and agents.
        data: the emulator's data directory.
    """

    def __init__(self, emulator: str, data: Path) -> None:
        self._emulator, self._data = emulator, data

    async def place_all(
        self, owner: str, nodes: Sequence[Node], report_wait: Callable[[str], None]
    ) -> list[PlacedNode]:
        """Find machines for all nodes at once, a separate one for each node if there are enough.

        Args:
            owner: the directory that the group is named for; if it is deleted, ``sweep`` releases the machines.
            report_wait: called with the reason while there are no machines.

        Raises:
            RayActorError: one of the machines was lost.
        """
        total = ray.cluster_resources()
        bundles = [node_demand(node, total) for node in nodes]
        machines = sum(1 for machine in ray.nodes() if machine["Alive"] and satisfies(machine["Resources"], bundles))
        strategy = "STRICT_SPREAD" if machines >= len(bundles) else "SPREAD"
        group = self._group(owner, bundles, strategy)
        agents = [self._agent(group, number, node, bundles[number]) for number, node in enumerate(nodes)]
        descriptions = _describe_nodes(nodes, agents)
        while not await _is_done(descriptions):
            if _is_pending(group):
                report_wait(wait_reason(bundles, ray.available_resources()))
        return descriptions.result()

    async def place_one(
        self, owner: str, node: Node, cluster: Counter[str], report_wait: Callable[[str], None]
    ) -> PlacedNode:
        """Find a machine for a node, one where its cluster has the fewest nodes; a node that has a machine keeps it.

        Args:
            owner: the directory that the group is named for.
            cluster: the number of nodes of its cluster on each machine, by address.
            report_wait: called with the reason while there is no machine.

        Raises:
            RayActorError: the machine was lost.
        """
        with contextlib.suppress(RayActorError):
            return (await self.find([node]))[0]
        while True:
            bundle = node_demand(node, ray.cluster_resources())
            machine = choose_machine(bundle, _free_resources(), cluster)
            pin = {f"node:{machine}": _PIN_AMOUNT} if machine else {}
            group = self._group(owner, [bundle | pin], "PACK")
            agent = self._agent(group, 0, node, bundle)
            description = _describe_nodes([node], [agent])
            while not await _is_done(description):
                if _is_pending(group):
                    report_wait(wait_reason([bundle], ray.available_resources()))
                    # Either another client got the chosen machine, or a machine is free now.
                    if machine or choose_machine(bundle, _free_resources(), cluster):
                        break
            if description.done():
                return description.result()[0]
            description.cancel()
            ray.kill(agent)  # otherwise it would wait for its removed group for ever, and block the name of the node
            self.release(owner)

    async def find(self, nodes: Sequence[Node]) -> list[PlacedNode]:
        """Return the nodes with the machines that they already have.

        Raises:
            RayActorError: one of the machines was lost.
        """
        try:
            agents = [ray.get_actor(self._name(node.id), namespace=self._namespace) for node in nodes]
        except ValueError as error:
            raise RayActorError(error_msg=str(error)) from error
        return await _describe_nodes(nodes, agents)

    def agents(self, nodes: Iterable[str]) -> list[Any]:
        """Return the existing agents of nodes."""
        agents = []
        for node in nodes:
            with contextlib.suppress(ValueError):  # the node has no agent
                agents.append(ray.get_actor(self._name(node), namespace=self._namespace))
        return agents

    async def is_alive(self, node: PlacedNode) -> bool:
        """Whether a node still has its machine."""
        try:
            await asyncio.wait_for(node.agent.describe.remote(), _WAIT_SECONDS)
        except (RayActorError, TimeoutError):
            return False
        return True

    def release(self, owner: str) -> None:
        """Release the machines of a group, which ends the agents on them."""
        with contextlib.suppress(ValueError):  # there is no such group
            remove_placement_group(get_placement_group(self._name(owner)))

    def sweep(self) -> None:
        """Release the machines of nodes and jobs whose directories were removed while no driver was running."""
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


def _free_resources() -> dict[str, Mapping[str, float]]:
    """Return the free resources of each machine, by its address; of several at one address, those of the last."""
    addresses = {machine["NodeID"]: machine["NodeManagerAddress"] for machine in ray.nodes() if machine["Alive"]}
    available = available_resources_per_node()
    return {address: available[machine] for machine, address in addresses.items() if machine in available}


def _describe_nodes(nodes: Sequence[Node], agents: Sequence[Any]) -> asyncio.Future[list[PlacedNode]]:
    async def describe() -> list[PlacedNode]:
        facts = await asyncio.gather(*(agent.describe.remote() for agent in agents))
        return [
            PlacedNode(node.id, agent, node_facts) for node, agent, node_facts in zip(nodes, agents, facts, strict=True)
        ]

    return asyncio.ensure_future(describe())


async def _is_done(future: asyncio.Future[list[PlacedNode]]) -> bool:
    done, _ = await asyncio.wait([future], timeout=_WAIT_SECONDS)
    return bool(done)


def _is_pending(group: PlacementGroup) -> bool:
    return bool(placement_group_table(group).get("state") == "PENDING")  # the table is empty until Ray has the group
