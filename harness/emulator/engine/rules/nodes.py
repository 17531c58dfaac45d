"""The nodes of a cluster: which of them could run a job, and the cluster with some of them changed; pure."""

from collections.abc import Container, Iterable
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.model.records import Cluster, Node


def preempted(cluster: Cluster, now: datetime) -> Cluster | None:
    """The cluster from which Azure takes a node, preferably one with a job; None where no node is left to take."""
    remaining = [node for node in cluster.nodes if not node.departing]
    if not remaining:
        return None
    victim = max(remaining, key=lambda node: (node.job is not None, node.number))
    return replace(cluster, nodes=tuple(as_lost(n, now) if n is victim else n for n in cluster.nodes))


def with_nodes_lost(cluster: Cluster, lost: Container[str], now: datetime) -> Cluster:
    """The cluster whose nodes of these ids are gone; the same object where it has none of them."""
    if not any(node.id in lost and not node.departing for node in cluster.nodes):
        return cluster
    nodes = (as_lost(n, now) if n.id in lost and not n.departing else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def with_nodes_stuck(cluster: Cluster, nodes: Container[str]) -> Cluster:
    """The cluster with these nodes marked as never booting."""
    return replace(cluster, nodes=tuple(replace(n, stuck=True) if n.id in nodes else n for n in cluster.nodes))


def with_node_lost_at(cluster: Cluster, node: str, moment: datetime) -> Cluster:
    """The cluster with a node that Azure takes at ``moment``, unless its job has ended by then."""
    return replace(cluster, nodes=tuple(replace(n, lost=moment) if n.id == node else n for n in cluster.nodes))


def idle_nodes(cluster: Cluster) -> list[Node]:
    """The nodes that could run a job, oldest first."""
    return [node for node in cluster.nodes if node.state == "idle" and node.job is None and not node.departing]


def is_coming(node: Node) -> bool:
    """Whether a node will become idle."""
    return node.state in ("allocated", "preparing") and not (node.departing or node.stuck)


def with_job(cluster: Cluster, nodes: Iterable[str], job: str | None) -> Cluster:
    """The cluster with a job on these nodes, or with no job on them (``job`` None)."""
    chosen = set(nodes)
    changed = tuple(replace(n, job=job, lost=None) if n.id in chosen else n for n in cluster.nodes)
    return replace(cluster, nodes=changed)


def as_lost(node: Node, now: datetime) -> Node:
    """A node that Azure takes now: it departs without waiting for its job."""
    return replace(node, departing=True, preempted=True, due=now, lost=None)


def staying_count(cluster: Cluster) -> int:
    """How many nodes are not departing."""
    return sum(not node.departing for node in cluster.nodes)
