"""How the nodes of a cluster boot, from allocated to idle or unusable; pure."""

from msgspec.structs import replace

from harness.emulator.engine.model.records import Cluster, Node, Problem
from harness.emulator.engine.rules.nodes import is_coming
from harness.emulator.engine.rules.pace import ANNOUNCE, BOOT
from harness.emulator.engine.rules.scaling_context import ScalingContext


def bring_up(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Allocated nodes prepare, and become idle once their set-up task has succeeded."""
    nodes = [_boot(node, context) for node in cluster.nodes]
    if all(new is old for new, old in zip(nodes, cluster.nodes, strict=True)):
        return cluster
    problems = [context.setups[node.id] for node in cluster.nodes if _failed(node, context)]
    if context.mounts and any(node.state == "unusable" for node in nodes):
        problems.append(context.mounts)
    new = tuple(problem for problem in problems if isinstance(problem, Problem) and problem not in cluster.problems)
    return replace(cluster, nodes=tuple(nodes), problems=cluster.problems + tuple(dict.fromkeys(new)))


def _boot(node: Node, context: ScalingContext) -> Node:
    if node.departing:
        return node
    if node.state == "allocated" and node.due and node.due <= context.now:
        node = replace(node, state="preparing", due=context.pace.after(node.due, BOOT - ANNOUNCE))
    if node.state != "preparing" or (node.due and node.due > context.now):
        return node
    if node.stuck or is_unplaced(node, context):
        return replace(node, due=None) if node.due else node
    if context.mounts or _failed(node, context):
        return replace(node, state="unusable", due=None)
    if context.has_setup and node.id not in context.setups:
        return replace(node, due=None) if node.due else node
    return replace(node, state="idle", due=None)


def _failed(node: Node, context: ScalingContext) -> bool:
    return node.state in ("allocated", "preparing") and isinstance(context.setups.get(node.id), Problem)


def is_unplaced(node: Node, context: ScalingContext) -> bool:
    """Whether a node will become idle but has no machine yet."""
    return context.machines is not None and is_coming(node) and node.id not in context.machines.placed


def unplaced_count(cluster: Cluster, context: ScalingContext) -> int:
    """How many coming nodes of a cluster have no machine yet."""
    return sum(is_unplaced(node, context) for node in cluster.nodes)
