"""Machines for nodes: a placement group for each set of nodes that is wanted at once, and an agent in each bundle.

Both are detached and have names, so that the next driver finds them. Where Ray has as many machines as nodes are
wanted at once, each gets one of its own, and all of them at one time or none; where it has fewer, they share.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
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
from harness.compute.ray.messages import Node

NODE = "batchai-node"  # a custom resource of Ray: of how many nodes of any size a machine takes the place
_PATIENCE = 2.0  # seconds after which a node that waits says why


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with a machine. ``facts`` are what its agent says of it."""

    id: str
    agent: Any
    facts: dict[str, Any]


def demand(node: Node, total: dict[str, float]) -> dict[str, float]:
    """What a node asks Ray for, by what Ray has in all.

    One of the resource that is named for its size, where there is one. Else one ``batchai-node`` where there are some,
    and else the cores of its size; with GPUs, as far as Ray has any.
    """
    if total.get(node.size):
        return {node.size: 1.0}
    gpus = {"GPU": float(node.gpus)} if node.gpus and (total.get("GPU") or not total.get(NODE)) else {}
    return gpus | ({NODE: 1.0} if total.get(NODE) else {"CPU": float(max(node.cpus, 1))})


class Placements:
    """The machines of the nodes of one emulator.

    Args:
        emulator: the id of the emulator, which the names of its groups and agents carry.
    """

    def __init__(self, emulator: str) -> None:
        self._emulator = emulator

    async def place(self, owner: str, nodes: Sequence[Node], waits: Callable[[str], None]) -> list[Placed]:
        """Have machines for nodes; those that have one keep it.

        Args:
            owner: under whose name they are found again and released.
            waits: told why there are none yet.

        Raises:
            RayActorError: one of them was lost.
        """
        total = ray.cluster_resources()
        bundles = [demand(node, total) for node in nodes]
        group = self._group(owner, bundles)
        agents = [self._agent(group, number, node, bundles[number]) for number, node in enumerate(nodes)]
        found = asyncio.gather(*(agent.describe.remote() for agent in agents))
        while True:
            done, _ = await asyncio.wait([found], timeout=_PATIENCE)
            if done:
                return [
                    Placed(node.id, agent, facts)
                    for node, agent, facts in zip(nodes, agents, found.result(), strict=True)
                ]
            waits(_reason(bundles))

    async def find(self, nodes: Sequence[Node]) -> list[Placed]:
        """Nodes that have had machines.

        Raises:
            RayActorError: one of them was lost.
        """
        try:
            agents = [ray.get_actor(self._name(node.id), namespace=self._namespace) for node in nodes]
        except ValueError as error:
            raise RayActorError(error_msg=str(error)) from error
        facts = await asyncio.gather(*(agent.describe.remote() for agent in agents))
        return [Placed(node.id, agent, each) for node, agent, each in zip(nodes, agents, facts, strict=True)]

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

    def _group(self, owner: str, bundles: list[dict[str, float]]) -> PlacementGroup:
        with contextlib.suppress(ValueError):  # there is none
            return get_placement_group(self._name(owner))
        machines = sum(1 for machine in ray.nodes() if machine["Alive"] and _holds(machine["Resources"], bundles))
        strategy = "STRICT_SPREAD" if machines >= len(bundles) else "SPREAD"
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
            .remote()
        )

    @property
    def _namespace(self) -> str:
        return f"batchai-harness-{self._emulator}"

    def _name(self, text: str) -> str:
        return f"batchai-harness/{self._emulator}/{text}"


def _holds(resources: dict[str, float], bundles: list[dict[str, float]]) -> bool:
    return all(resources.get(name, 0.0) >= amount for bundle in bundles for name, amount in bundle.items())


def _reason(bundles: list[dict[str, float]]) -> str:
    """Why a group is not placed yet, in a sentence."""
    wanted = "; ".join(", ".join(f"{amount:g} {name}" for name, amount in bundle.items()) for bundle in bundles)
    free = {name: amount for name, amount in ray.available_resources().items() if any(name in each for each in bundles)}
    has = ", ".join(f"{amount:g} {name}" for name, amount in sorted(free.items())) or "none of that"
    return f"Ray has no machines for {len(bundles)} node(s) of {wanted}; free now, over all machines: {has}"
