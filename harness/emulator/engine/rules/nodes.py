"""The nodes of a cluster: which of them can run a job, and changes of some of them; pure."""

from collections.abc import Container, Iterable
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.model.records import Cluster, Node


def preempt_node(cluster: Cluster, now: datetime) -> Cluster | None:
    """The cluster after Azure takes a node, preferably one with a job; None if no node is left to take."""
    remaining = [node for node in cluster.nodes if not node.departing]
    if not remaining:
        return None
    victim = max(remaining, key=lambda node: (node.job is not None, node.number))
    return replace(cluster, nodes=tuple(mark_lost(n, now) if n is victim else n for n in cluster.nodes))


def mark_nodes_lost(cluster: Cluster, lost: Container[str], now: datetime) -> Cluster:
    """The cluster after it has lost the nodes of these ids; the same object if it has none of them."""
    if not any(node.id in lost and not node.departing for node in cluster.nodes):
        return cluster
    nodes = (mark_lost(n, now) if n.id in lost and not n.departing else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def mark_nodes_stuck(cluster: Cluster, nodes: Container[str]) -> Cluster:
    """The cluster with these nodes marked so that they never boot."""
    return replace(cluster, nodes=tuple(replace(n, stuck=True) if n.id in nodes else n for n in cluster.nodes))


def schedule_node_loss(cluster: Cluster, node: str, moment: datetime) -> Cluster:
    """The cluster with a node that Azure takes at ``moment`` unless its job has ended by then."""
    return replace(cluster, nodes=tuple(replace(n, lost=moment) if n.id == node else n for n in cluster.nodes))


def idle_nodes(cluster: Cluster) -> list[Node]:
    """The nodes that can run a job, oldest first."""
    return [node for node in cluster.nodes if node.state == "idle" and node.job is None and not node.departing]


def is_coming(node: Node) -> bool:
    """Whether a node will become idle."""
    return node.state in ("allocated", "preparing") and not (node.departing or node.stuck)


def assign_job(cluster: Cluster, nodes: Iterable[str], job: str | None) -> Cluster:
    """The cluster with a job on these nodes, or with no job on them (``job`` None)."""
    ids = set(nodes)
    changed = tuple(replace(n, job=job, lost=None) if n.id in ids else n for n in cluster.nodes)
    return replace(cluster, nodes=changed)


def mark_lost(node: Node, now: datetime) -> Node:
    """A node that Azure takes now: it departs without waiting for its job."""
    return replace(node, departing=True, preempted=True, due=now, lost=None)


def staying_count(cluster: Cluster) -> int:
    """How many nodes are not departing."""
    return sum(not node.departing for node in cluster.nodes)
