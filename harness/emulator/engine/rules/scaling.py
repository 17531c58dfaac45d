"""How a cluster gets and loses nodes; pure.

One function, ``moved``, takes a cluster as it was and returns it as it is now. Its steps are a table, in the order that
Microsoft's recordings show: decide on a size, release nodes, boot new ones, allocate more, settle.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job, Node, Problem
from harness.emulator.engine.model.spec import ClusterSpec, DeallocationOption, ScaleSettings, VmPriority
from harness.emulator.engine.rules.pace import ALLOCATE, ANNOUNCE, BOOT, DEPARTED, GROW, LEAVE, NOTICE, SHRINK, Pace

NOT_PLACED = "AllocationFailed"  # the code of a cluster whose nodes have no machines, as Azure Batch has it
QUOTA_REACHED = "ClusterCoreQuotaReached"  # the code of a cluster that lacks nodes because of its quota


@dataclass(frozen=True, slots=True)
class NodeQuota:
    """The most nodes that the subscription's quota allows a cluster, and what the cluster reports if it needs more."""

    most: int
    message: str


@dataclass(frozen=True, slots=True)
class NodeMachines:
    """The coming nodes that have machines, by id, and why the others have none yet."""

    placed: frozenset[str]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingContext:
    """What the next step of a cluster depends on.

    ``wanted`` is how many nodes the jobs in its queue could use. ``setups`` holds the result of each set-up task that
    has ended, by node: True for success, or its problem. ``mounts`` is the problem of a mount that failed. ``quota`` is
    None where nothing limits the cluster. ``machines`` says which nodes have one, None where nodes need none.
    """

    now: datetime
    pace: Pace
    wanted: int = 0
    has_setup: bool = False
    setups: Mapping[str, bool | Problem] = field(default_factory=dict)
    mounts: Problem | None = None
    quota: NodeQuota | None = None
    machines: NodeMachines | None = None


Step = Callable[[Cluster, ScalingContext], Cluster]


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


def moved(cluster: Cluster, context: ScalingContext) -> Cluster:
    """The cluster as it is at ``context.now``; the same object where nothing moved."""
    for step in _STEPS:
        cluster = step(cluster, context)
    return cluster


def due(cluster: Cluster) -> datetime | None:
    """When the cluster moves next by itself; None when only a request, a job or a node can move it."""
    moments = [moment for node in cluster.nodes for moment in (node.due, node.lost) if moment]
    departed = cluster.departed_until if cluster.departed else None
    moments += [moment for moment in (cluster.growing, cluster.eager, cluster.quiet, departed) if moment]
    return min(moments, default=None)


def is_at_rest(cluster: Cluster) -> bool:
    """Whether only a request can move the cluster: it has a fixed size and all its nodes."""
    manual = cluster.spec.scale_settings.manual
    return (
        cluster.allocation == "steady"
        and not (cluster.made_for or cluster.departed)
        and manual is not None
        and manual.target_node_count == cluster.target == len(cluster.nodes)
        and due(cluster) is None
        and all(node.state in ("idle", "unusable") and not node.departing for node in cluster.nodes)
    )


def retargeted(cluster: Cluster, target: int, context: ScalingContext) -> Cluster:
    """The cluster as it begins to resize to ``target`` nodes."""
    growing = context.pace.after(context.now, ALLOCATE) if target > _staying(cluster) else None
    cluster = replace(
        cluster,
        target=target,
        allocation="resizing",
        allocation_changed=context.now,
        departed=0,
        departed_until=context.pace.after(context.now, DEPARTED),
        growing=growing,
        eager=None,
        quiet=None,
    )
    leaving = {node.id for node in _leavers(cluster.nodes, _staying(cluster) - target)}
    notice = context.pace.after(context.now, NOTICE)
    nodes = tuple(replace(n, departing=True, due=notice) if n.id in leaving else n for n in cluster.nodes)
    return replace(cluster, nodes=nodes)


def preempted(cluster: Cluster, now: datetime) -> Cluster | None:
    """The cluster from which Azure takes a node, preferably one with a job; None where no node is left to take."""
    staying = [node for node in cluster.nodes if not node.departing]
    if not staying:
        return None
    taken = max(staying, key=lambda node: (node.job is not None, node.number))
    return replace(cluster, nodes=tuple(_taken(n, now) if n is taken else n for n in cluster.nodes))


def bereft(cluster: Cluster, lost: Container[str], now: datetime) -> Cluster:
    """The cluster whose nodes of these ids are gone; the same object where it has none of them."""
    if not any(node.id in lost and not node.departing for node in cluster.nodes):
        return cluster
    nodes = (_taken(n, now) if n.id in lost and not n.departing else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def stuck(cluster: Cluster, nodes: Container[str]) -> Cluster:
    """The cluster with these nodes marked as never booting."""
    return replace(cluster, nodes=tuple(replace(n, stuck=True) if n.id in nodes else n for n in cluster.nodes))


def doomed(cluster: Cluster, node: str, moment: datetime) -> Cluster:
    """The cluster with a node that Azure takes at ``moment``, unless its job has ended by then."""
    return replace(cluster, nodes=tuple(replace(n, lost=moment) if n.id == node else n for n in cluster.nodes))


def deallocation(cluster: Cluster) -> DeallocationOption:
    """What happens to the job on a node that is released."""
    manual = cluster.spec.scale_settings.manual
    return manual.node_deallocation_option if manual else DeallocationOption.WAIT_FOR_JOB_COMPLETION


def idle(cluster: Cluster) -> list[Node]:
    """The nodes that could run a job, oldest first."""
    return [node for node in cluster.nodes if node.state == "idle" and node.job is None and not node.departing]


def is_coming(node: Node) -> bool:
    """Whether a node will become idle."""
    return node.state in ("allocated", "preparing") and not (node.departing or node.stuck)


def capacity(cluster: Cluster) -> int:
    """The most nodes that the cluster can have under its present scale settings."""
    auto = cluster.spec.scale_settings.auto_scale
    return auto.maximum_node_count if auto else cluster.target


def with_job(cluster: Cluster, nodes: Iterable[str], job: str | None) -> Cluster:
    """The cluster with a job on these nodes, or with no job on them (``job`` None)."""
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


def _decide_manually(cluster: Cluster, context: ScalingContext) -> Cluster:
    manual = cluster.spec.scale_settings.manual
    if manual is None or manual.target_node_count == cluster.target:
        return cluster
    return retargeted(cluster, manual.target_node_count, context)


def _decide_automatically(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Autoscale reacts to a queue, or to idle nodes, only once they have lasted for a while."""
    auto = cluster.spec.scale_settings.auto_scale
    if auto is None:
        return cluster
    busy = sum(node.job is not None for node in cluster.nodes)
    need = min(max(auto.minimum_node_count, busy + context.wanted), auto.maximum_node_count)
    grows, shrinks = need > cluster.target, need < cluster.target
    grow = GROW if cluster.grow_after is None else cluster.grow_after
    shrink = SHRINK if cluster.shrink_after is None else cluster.shrink_after
    eager = (cluster.eager or context.pace.after(context.now, grow)) if grows else None
    quiet = (cluster.quiet or context.pace.after(context.now, shrink)) if shrinks else None
    if (eager and eager <= context.now) or (quiet and quiet <= context.now):
        return retargeted(cluster, need, context)
    return cluster if (eager, quiet) == (cluster.eager, cluster.quiet) else replace(cluster, eager=eager, quiet=quiet)


def _lose(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Take the nodes that Azure wants back by now."""
    if not any(node.lost and node.lost <= context.now for node in cluster.nodes):
        return cluster
    nodes = (_taken(n, context.now) if n.lost and n.lost <= context.now else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def _taken(node: Node, now: datetime) -> Node:
    return replace(node, departing=True, preempted=True, due=now, lost=None)


def _let_go(cluster: Cluster, context: ScalingContext) -> Cluster:
    """A departing node begins to leave once its notice is over and no job is on it; a while later it is removed."""
    nodes: list[Node] = []
    for node in cluster.nodes:
        is_due = node.due is None or node.due <= context.now
        if node.state == "leaving" and is_due:
            continue
        if node.departing and node.state != "leaving" and node.job is None and is_due:
            nodes.append(replace(node, state="leaving", due=context.pace.after(context.now, LEAVE)))
            continue
        nodes.append(node)
    left = len(cluster.nodes) - len(nodes)
    changed = left or any(new is not old for new, old in zip(nodes, cluster.nodes, strict=False))
    return replace(cluster, nodes=tuple(nodes), departed=cluster.departed + left) if changed else cluster


def _forget_departed(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Removed nodes are not counted for ever."""
    is_over = cluster.departed_until is None or cluster.departed_until <= context.now
    return replace(cluster, departed=0, departed_until=None) if cluster.departed and is_over else cluster


def _replace_lost(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Request new nodes for those that Azure took."""
    if cluster.growing or _staying(cluster) >= _allowed(cluster, context):
        return cluster
    growing = context.pace.after(context.now, ALLOCATE)
    return replace(cluster, allocation="resizing", allocation_changed=context.now, growing=growing)


def _allocate(cluster: Cluster, context: ScalingContext) -> Cluster:
    if cluster.growing is None or cluster.growing > context.now:
        return cluster
    missing = max(0, _allowed(cluster, context) - _staying(cluster))
    first = cluster.allocated + 1
    announced = context.pace.after(context.now, ANNOUNCE)
    taken = {node.slot for node in cluster.nodes}
    slots = [slot for slot in range(len(taken) + missing) if slot not in taken]
    new = [
        Node(_node_id(cluster, number, context.now), number, "allocated", announced, slot=slot)
        for number, slot in zip(range(first, first + missing), slots, strict=False)
    ]
    nodes = (*cluster.nodes, *new)
    return replace(cluster, nodes=nodes, allocated=cluster.allocated + missing, growing=None)


def _bring_up(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Allocated nodes prepare, and become idle once their set-up task has succeeded."""
    nodes = [_brought_up(node, context) for node in cluster.nodes]
    if all(new is old for new, old in zip(nodes, cluster.nodes, strict=True)):
        return cluster
    problems = [context.setups[node.id] for node in cluster.nodes if _failed(node, context)]
    if context.mounts and any(node.state == "unusable" for node in nodes):
        problems.append(context.mounts)
    new = tuple(problem for problem in problems if isinstance(problem, Problem) and problem not in cluster.problems)
    return replace(cluster, nodes=tuple(nodes), problems=cluster.problems + tuple(dict.fromkeys(new)))


def _brought_up(node: Node, context: ScalingContext) -> Node:
    if node.departing:
        return node
    if node.state == "allocated" and node.due and node.due <= context.now:
        node = replace(node, state="preparing", due=context.pace.after(node.due, BOOT - ANNOUNCE))
    if node.state != "preparing" or (node.due and node.due > context.now):
        return node
    if node.stuck or _is_unplaced(node, context):
        return replace(node, due=None) if node.due else node
    if context.mounts or _failed(node, context):
        return replace(node, state="unusable", due=None)
    if context.has_setup and node.id not in context.setups:
        return replace(node, due=None) if node.due else node
    return replace(node, state="idle", due=None)


def _failed(node: Node, context: ScalingContext) -> bool:
    return node.state in ("allocated", "preparing") and isinstance(context.setups.get(node.id), Problem)


def _report_quota(cluster: Cluster, context: ScalingContext) -> Cluster:
    """A cluster that lacks nodes because of its quota reports it for as long as that lasts, and stays resizing."""
    problems = tuple(problem for problem in cluster.problems if problem.code != QUOTA_REACHED)
    if context.quota and _staying(cluster) < cluster.target and context.quota.most < cluster.target:
        problems += (Problem(QUOTA_REACHED, context.quota.message),)
    return cluster if problems == cluster.problems else replace(cluster, problems=problems)


def _report_unplaced(cluster: Cluster, context: ScalingContext) -> Cluster:
    """A cluster whose nodes have no machines says why for as long as that lasts, and stays resizing."""
    problems = tuple(problem for problem in cluster.problems if problem.code != NOT_PLACED)
    if context.machines and context.machines.reasons and (missing := _unplaced(cluster, context)):
        lacking = f"{missing} of {cluster.target} nodes have no machine: "
        problems += (Problem(NOT_PLACED, lacking + "; ".join(context.machines.reasons)),)
    return cluster if problems == cluster.problems else replace(cluster, problems=problems)


def _settle(cluster: Cluster, context: ScalingContext) -> Cluster:
    """The allocation is steady once the cluster has its target of nodes and none of them is departing."""
    if cluster.allocation == "steady" or cluster.growing or len(cluster.nodes) != cluster.target:
        return cluster
    if _unplaced(cluster, context) or any(node.departing for node in cluster.nodes):
        return cluster
    return replace(cluster, allocation="steady", allocation_changed=context.now)


# A new node boots in the next pass: the context does not know yet about its mounts and its set-up task.
_STEPS: tuple[Step, ...] = (
    _decide_manually,
    _decide_automatically,
    _lose,
    _let_go,
    _forget_departed,
    _bring_up,
    _replace_lost,
    _allocate,
    _report_quota,
    _report_unplaced,
    _settle,
)


def _is_unplaced(node: Node, context: ScalingContext) -> bool:
    return context.machines is not None and is_coming(node) and node.id not in context.machines.placed


def _unplaced(cluster: Cluster, context: ScalingContext) -> int:
    return sum(_is_unplaced(node, context) for node in cluster.nodes)


def _staying(cluster: Cluster) -> int:
    return sum(not node.departing for node in cluster.nodes)


def _allowed(cluster: Cluster, context: ScalingContext) -> int:
    """How many nodes the cluster may have: its target, unless its quota is smaller."""
    return min(cluster.target, context.quota.most) if context.quota else cluster.target


def _leavers(nodes: tuple[Node, ...], count: int) -> list[Node]:
    """Unusable nodes are released first, then idle ones, then those with a job; the youngest of each first."""

    def rank(node: Node) -> tuple[bool, bool, int]:
        return (node.state != "unusable", node.job is not None, -node.number)

    return sorted((node for node in nodes if not node.departing), key=rank)[: max(0, count)]


def _node_id(cluster: Cluster, number: int, now: datetime) -> str:
    """Azure Batch's form: pool, number, moment of allocation, and a mark of low priority."""
    ending = "-p" if cluster.spec.vm_priority is VmPriority.LOW_PRIORITY else ""
    return f"tvm-{cluster.pool}_{number}-{now:%Y%m%dt%H%M%Sz}{ending}"
