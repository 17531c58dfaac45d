"""How the nodes of a cluster come and go; pure.

One function, ``moved``, takes a cluster as it was and gives it as it is now. Its steps are a table, in the recorded
order: decide on a size, let nodes go, bring new ones up, let others come, settle.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job, Node, Problem
from harness.emulator.engine.model.spec import ClusterSpec, DeallocationOption, ScaleSettings, VmPriority
from harness.emulator.engine.rules.pace import ALLOCATE, ANNOUNCE, BOOT, GROW, LEAVE, NOTICE, SHRINK, Pace


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a cluster depends on, apart from time.

    ``wanted`` is how many nodes the jobs in its queue could use; ``setups`` tells of each node's set-up task, which
    ended well (True), badly (its problem), or goes on (absent). ``mounts`` is what is wrong with the cluster's mounts.
    """

    now: datetime
    pace: Pace
    wanted: int = 0
    has_setup: bool = False
    setups: Mapping[str, bool | Problem] = field(default_factory=dict)
    mounts: Problem | None = None


Step = Callable[[Cluster, Surroundings], Cluster]


def new_cluster(
    address: Address,
    spec: ClusterSpec,
    *,
    location: str,
    incarnation: str,
    pool: int,
    now: datetime,
    pace: Pace,
) -> Cluster:
    """A cluster that was just asked for, whose first nodes come once they are allocated.

    Args:
        incarnation: names this cluster among all that ever had its address.
        pool: the number in the names of its nodes.
    """
    target, grown = _initial_target(spec.scale_settings), pace.after(now, ALLOCATE)
    return Cluster(
        address=address,
        location=location,
        tags=None,
        spec=spec,
        incarnation=incarnation,
        pool=pool,
        created=now,
        written=now,
        allocation="resizing" if target or grown > now else "steady",
        allocation_changed=now,
        target=target,
        growing=grown if target else None,
    )


def moved(cluster: Cluster, around: Surroundings) -> Cluster:
    """The cluster as it is at ``around.now``; itself where nothing moved."""
    for step in _STEPS:
        cluster = step(cluster, around)
    return cluster


def due(cluster: Cluster) -> datetime | None:
    """When the cluster moves next by itself; None when only something else can move it."""
    moments = [moment for node in cluster.nodes for moment in (node.due, node.lost) if moment]
    moments += [moment for moment in (cluster.growing, cluster.eager, cluster.quiet) if moment]
    return min(moments, default=None)


def is_at_rest(cluster: Cluster) -> bool:
    """Whether nothing but a request can move the cluster: of fixed size, with all its nodes."""
    manual = cluster.spec.scale_settings.manual
    return (
        cluster.allocation == "steady"
        and not cluster.made_for
        and manual is not None
        and manual.target_node_count == cluster.target == len(cluster.nodes)
        and due(cluster) is None
        and all(node.state in ("idle", "unusable") and not node.departing for node in cluster.nodes)
    )


def retargeted(cluster: Cluster, target: int, around: Surroundings) -> Cluster:
    """The cluster on its way to another number of nodes."""
    growing = around.pace.after(around.now, ALLOCATE) if target > _staying(cluster) else None
    cluster = replace(
        cluster,
        target=target,
        allocation="resizing",
        allocation_changed=around.now,
        departed=0,
        growing=growing,
        eager=None,
        quiet=None,
    )
    leaving = {node.id for node in _leavers(cluster.nodes, _staying(cluster) - target)}
    notice = around.pace.after(around.now, NOTICE)
    nodes = tuple(replace(n, departing=True, due=notice) if n.id in leaving else n for n in cluster.nodes)
    return replace(cluster, nodes=nodes)


def preempted(cluster: Cluster, now: datetime) -> Cluster | None:
    """The cluster from which Azure takes a node back, if it can one with a job; None where it has none to take."""
    staying = [node for node in cluster.nodes if not node.departing]
    if not staying:
        return None
    taken = max(staying, key=lambda node: (node.job is not None, node.number))
    return replace(cluster, nodes=tuple(_taken(n, now) if n is taken else n for n in cluster.nodes))


def stuck(cluster: Cluster, nodes: Container[str]) -> Cluster:
    """The cluster in which these nodes never boot."""
    return replace(cluster, nodes=tuple(replace(n, stuck=True) if n.id in nodes else n for n in cluster.nodes))


def doomed(cluster: Cluster, node: str, moment: datetime) -> Cluster:
    """The cluster from which Azure takes a node at some moment, should its job still have it."""
    return replace(cluster, nodes=tuple(replace(n, lost=moment) if n.id == node else n for n in cluster.nodes))


def deallocation(cluster: Cluster) -> DeallocationOption:
    """What becomes of the job on a node that has to go."""
    manual = cluster.spec.scale_settings.manual
    return manual.node_deallocation_option if manual else DeallocationOption.WAIT_FOR_JOB_COMPLETION


def idle(cluster: Cluster) -> list[Node]:
    """The nodes that could run a job, in the order of their coming."""
    return [node for node in cluster.nodes if node.state == "idle" and node.job is None and not node.departing]


def is_coming(node: Node) -> bool:
    """Whether a node is on its way to be idle."""
    return node.state in ("allocated", "preparing") and not (node.departing or node.stuck)


def capacity(cluster: Cluster) -> int:
    """The most nodes that the cluster can have without being changed."""
    auto = cluster.spec.scale_settings.auto_scale
    return auto.maximum_node_count if auto else cluster.target


def with_job(cluster: Cluster, nodes: Iterable[str], job: str | None) -> Cluster:
    """The cluster with a job on these nodes, or with them free again (``job`` None)."""
    chosen = set(nodes)
    changed = tuple(replace(n, job=job, lost=None) if n.id in chosen else n for n in cluster.nodes)
    return replace(cluster, nodes=changed)


def is_needless(cluster: Cluster, job: Job | None) -> bool:
    """Whether a cluster was made for one job, and that job has finished or (None) was deleted."""
    return bool(cluster.made_for) and (job is None or job.is_finished)


def _initial_target(scale: ScaleSettings) -> int:
    if auto := scale.auto_scale:
        return min(max(auto.minimum_node_count, auto.initial_node_count), auto.maximum_node_count)
    return scale.manual.target_node_count if scale.manual else 0


def _decide_manually(cluster: Cluster, around: Surroundings) -> Cluster:
    manual = cluster.spec.scale_settings.manual
    if manual is None or manual.target_node_count == cluster.target:
        return cluster
    return retargeted(cluster, manual.target_node_count, around)


def _decide_automatically(cluster: Cluster, around: Surroundings) -> Cluster:
    """A queue or idle nodes have to last for a while before they are answered."""
    auto = cluster.spec.scale_settings.auto_scale
    if auto is None:
        return cluster
    busy = sum(node.job is not None for node in cluster.nodes)
    need = min(max(auto.minimum_node_count, busy + around.wanted), auto.maximum_node_count)
    grows, shrinks = need > cluster.target, need < cluster.target
    grow = GROW if cluster.grow_after is None else cluster.grow_after
    shrink = SHRINK if cluster.shrink_after is None else cluster.shrink_after
    eager = (cluster.eager or around.pace.after(around.now, grow)) if grows else None
    quiet = (cluster.quiet or around.pace.after(around.now, shrink)) if shrinks else None
    if (eager and eager <= around.now) or (quiet and quiet <= around.now):
        return retargeted(cluster, need, around)
    return cluster if (eager, quiet) == (cluster.eager, cluster.quiet) else replace(cluster, eager=eager, quiet=quiet)


def _lose(cluster: Cluster, around: Surroundings) -> Cluster:
    """Nodes whose time has come are taken from their jobs."""
    if not any(node.lost and node.lost <= around.now for node in cluster.nodes):
        return cluster
    nodes = (_taken(n, around.now) if n.lost and n.lost <= around.now else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def _taken(node: Node, now: datetime) -> Node:
    return replace(node, departing=True, preempted=True, due=now, lost=None)


def _let_go(cluster: Cluster, around: Surroundings) -> Cluster:
    """A node that has to go leaves when its job is gone and its time has come, and is gone a while later."""
    nodes: list[Node] = []
    for node in cluster.nodes:
        is_due = node.due is None or node.due <= around.now
        if node.state == "leaving" and is_due:
            continue
        if node.departing and node.state != "leaving" and node.job is None and is_due:
            nodes.append(replace(node, state="leaving", due=around.pace.after(around.now, LEAVE)))
            continue
        nodes.append(node)
    left = len(cluster.nodes) - len(nodes)
    changed = left or any(new is not old for new, old in zip(nodes, cluster.nodes, strict=False))
    return replace(cluster, nodes=tuple(nodes), departed=cluster.departed + left) if changed else cluster


def _replace_lost(cluster: Cluster, around: Surroundings) -> Cluster:
    """Nodes that Azure took back are asked for again."""
    if cluster.growing or _staying(cluster) >= cluster.target:
        return cluster
    growing = around.pace.after(around.now, ALLOCATE)
    return replace(cluster, allocation="resizing", allocation_changed=around.now, growing=growing)


def _allocate(cluster: Cluster, around: Surroundings) -> Cluster:
    if cluster.growing is None or cluster.growing > around.now:
        return cluster
    missing = max(0, cluster.target - _staying(cluster))
    first = cluster.allocated + 1
    announced = around.pace.after(around.now, ANNOUNCE)
    new = [
        Node(id=_node_id(cluster, number, around.now), number=number, state="allocated", due=announced)
        for number in range(first, first + missing)
    ]
    nodes = (*cluster.nodes, *new)
    return replace(cluster, nodes=nodes, allocated=cluster.allocated + missing, growing=None)


def _bring_up(cluster: Cluster, around: Surroundings) -> Cluster:
    """Allocated nodes prepare, and prepared ones are idle once their set-up task has ended well."""
    nodes = [_brought_up(node, around) for node in cluster.nodes]
    if all(new is old for new, old in zip(nodes, cluster.nodes, strict=True)):
        return cluster
    problems = [around.setups[node.id] for node in cluster.nodes if _failed(node, around)]
    if around.mounts and any(node.state == "unusable" for node in nodes):
        problems.append(around.mounts)
    new = tuple(problem for problem in problems if isinstance(problem, Problem) and problem not in cluster.problems)
    return replace(cluster, nodes=tuple(nodes), problems=cluster.problems + tuple(dict.fromkeys(new)))


def _brought_up(node: Node, around: Surroundings) -> Node:
    if node.departing:
        return node
    if node.state == "allocated" and node.due and node.due <= around.now:
        node = replace(node, state="preparing", due=around.pace.after(node.due, BOOT - ANNOUNCE))
    if node.state != "preparing" or (node.due and node.due > around.now):
        return node
    if node.stuck:
        return replace(node, due=None) if node.due else node
    if around.mounts or _failed(node, around):
        return replace(node, state="unusable", due=None)
    if around.has_setup and node.id not in around.setups:
        return replace(node, due=None) if node.due else node
    return replace(node, state="idle", due=None)


def _failed(node: Node, around: Surroundings) -> bool:
    return node.state in ("allocated", "preparing") and isinstance(around.setups.get(node.id), Problem)


def _settle(cluster: Cluster, around: Surroundings) -> Cluster:
    """Steady once there are as many nodes as wanted, and none on its way out."""
    if cluster.allocation == "steady" or cluster.growing or len(cluster.nodes) != cluster.target:
        return cluster
    if any(node.departing for node in cluster.nodes):
        return cluster
    return replace(cluster, allocation="steady", allocation_changed=around.now)


# A node that has just come is brought up in the next pass, when what it depends on has been looked at.
_STEPS: tuple[Step, ...] = (
    _decide_manually,
    _decide_automatically,
    _lose,
    _let_go,
    _bring_up,
    _replace_lost,
    _allocate,
    _settle,
)


def _staying(cluster: Cluster) -> int:
    return sum(not node.departing for node in cluster.nodes)


def _leavers(nodes: tuple[Node, ...], count: int) -> list[Node]:
    """Broken nodes go first, then free ones, then those with a job; of equal ones the youngest."""

    def rank(node: Node) -> tuple[bool, bool, int]:
        return (node.state != "unusable", node.job is not None, -node.number)

    return sorted((node for node in nodes if not node.departing), key=rank)[: max(0, count)]


def _node_id(cluster: Cluster, number: int, now: datetime) -> str:
    """Batch's own form: pool, number, moment of allocation, and a mark of low priority."""
    ending = "-p" if cluster.spec.vm_priority is VmPriority.LOW_PRIORITY else ""
    return f"tvm-{cluster.pool}_{number}-{now:%Y%m%dt%H%M%Sz}{ending}"
