"""How a cluster gets and loses nodes; pure.

One function, ``advance``, takes a cluster as it was and returns it as it is now. Its steps are a table, in the order
that Microsoft's recordings show: decide on a size, release nodes, boot new ones, allocate more, settle.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job, Node, Problem
from harness.emulator.engine.model.spec import ClusterSpec, DeallocationOption, ScaleSettings, VmPriority
from harness.emulator.engine.rules.node_boot import bring_up, unplaced_count
from harness.emulator.engine.rules.nodes import mark_lost, staying_count
from harness.emulator.engine.rules.pace import ALLOCATE, ANNOUNCE, DEPARTED, GROW, LEAVE, NOTICE, SHRINK, Pace
from harness.emulator.engine.rules.scaling_context import ScalingContext

NOT_PLACED = "AllocationFailed"  # Azure Batch's code for a cluster whose nodes have no machines
QUOTA_REACHED = "ClusterCoreQuotaReached"  # the code of a cluster that lacks nodes because of its quota

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
    """A cluster that was just requested, and gets its first nodes once they are allocated.

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


def advance(cluster: Cluster, context: ScalingContext) -> Cluster:
    """The cluster at ``context.now``; the same object if nothing changed."""
    for step in _STEPS:
        cluster = step(cluster, context)
    return cluster


def due(cluster: Cluster) -> datetime | None:
    """When the cluster changes next by itself; None if only a request, a job or a node can change it."""
    moments = [moment for node in cluster.nodes for moment in (node.due, node.lost) if moment]
    departed = cluster.departed_until if cluster.departed else None
    moments += [moment for moment in (cluster.growing, cluster.eager, cluster.quiet, departed) if moment]
    return min(moments, default=None)


def is_at_rest(cluster: Cluster) -> bool:
    """Whether only a request can change the cluster: it has a fixed size and all its nodes."""
    manual = cluster.spec.scale_settings.manual
    return (
        cluster.allocation == "steady"
        and not (cluster.made_for or cluster.departed)
        and manual is not None
        and manual.target_node_count == cluster.target == len(cluster.nodes)
        and due(cluster) is None
        and all(node.state in ("idle", "unusable") and not node.departing for node in cluster.nodes)
    )


def resize(cluster: Cluster, target: int, context: ScalingContext) -> Cluster:
    """The cluster at the beginning of a resize to ``target`` nodes."""
    growing = context.pace.after(context.now, ALLOCATE) if target > staying_count(cluster) else None
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
    leaving = {node.id for node in _leavers(cluster.nodes, staying_count(cluster) - target)}
    notice = context.pace.after(context.now, NOTICE)
    nodes = tuple(replace(n, departing=True, due=notice) if n.id in leaving else n for n in cluster.nodes)
    return replace(cluster, nodes=nodes)


def deallocation(cluster: Cluster) -> DeallocationOption:
    """What happens to the job on a node that is released."""
    manual = cluster.spec.scale_settings.manual
    return manual.node_deallocation_option if manual else DeallocationOption.WAIT_FOR_JOB_COMPLETION


def capacity(cluster: Cluster) -> int:
    """The most nodes that the cluster can have under its present scale settings."""
    auto = cluster.spec.scale_settings.auto_scale
    return auto.maximum_node_count if auto else cluster.target


def is_needless(cluster: Cluster, job: Job | None) -> bool:
    """Whether a cluster was created for one job, and that job has finished or was deleted (None)."""
    return bool(cluster.made_for) and (job is None or job.is_finished)


def _initial_target(scale: ScaleSettings) -> int:
    if auto := scale.auto_scale:
        return min(max(auto.minimum_node_count, auto.initial_node_count), auto.maximum_node_count)
    return scale.manual.target_node_count if scale.manual else 0


def _decide_manually(cluster: Cluster, context: ScalingContext) -> Cluster:
    manual = cluster.spec.scale_settings.manual
    if manual is None or manual.target_node_count == cluster.target:
        return cluster
    return resize(cluster, manual.target_node_count, context)


def _decide_automatically(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Resize a cluster with autoscale, once a queue or idle nodes have lasted for a while."""
    auto = cluster.spec.scale_settings.auto_scale
    if auto is None:
        return cluster
    busy = sum(node.job is not None for node in cluster.nodes)
    need = min(max(auto.minimum_node_count, busy + context.nodes_needed), auto.maximum_node_count)
    grows, shrinks = need > cluster.target, need < cluster.target
    grow = GROW if cluster.grow_after is None else cluster.grow_after
    shrink = SHRINK if cluster.shrink_after is None else cluster.shrink_after
    eager = (cluster.eager or context.pace.after(context.now, grow)) if grows else None
    quiet = (cluster.quiet or context.pace.after(context.now, shrink)) if shrinks else None
    if (eager and eager <= context.now) or (quiet and quiet <= context.now):
        return resize(cluster, need, context)
    return cluster if (eager, quiet) == (cluster.eager, cluster.quiet) else replace(cluster, eager=eager, quiet=quiet)


def _lose(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Mark the nodes as lost that Azure takes back by now."""
    if not any(node.lost and node.lost <= context.now for node in cluster.nodes):
        return cluster
    nodes = (mark_lost(n, context.now) if n.lost and n.lost <= context.now else n for n in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))


def _remove_departing(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Let departing nodes leave once their notice is over and they have no job; remove them a while later."""
    nodes: list[Node] = []
    for node in cluster.nodes:
        is_due = node.due is None or node.due <= context.now
        if node.state == "leaving" and is_due:
            continue
        if node.departing and node.state != "leaving" and node.job is None and is_due:
            nodes.append(replace(node, state="leaving", due=context.pace.after(context.now, LEAVE)))
            continue
        nodes.append(node)
    removed = len(cluster.nodes) - len(nodes)
    changed = removed or any(new is not old for new, old in zip(nodes, cluster.nodes, strict=False))
    return replace(cluster, nodes=tuple(nodes), departed=cluster.departed + removed) if changed else cluster


def _forget_departed(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Stop counting removed nodes some time after the resize."""
    is_over = cluster.departed_until is None or cluster.departed_until <= context.now
    return replace(cluster, departed=0, departed_until=None) if cluster.departed and is_over else cluster


def _replace_lost(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Request new nodes in place of those that Azure took."""
    if cluster.growing or staying_count(cluster) >= _allowed(cluster, context):
        return cluster
    growing = context.pace.after(context.now, ALLOCATE)
    return replace(cluster, allocation="resizing", allocation_changed=context.now, growing=growing)


def _allocate(cluster: Cluster, context: ScalingContext) -> Cluster:
    if cluster.growing is None or cluster.growing > context.now:
        return cluster
    missing = max(0, _allowed(cluster, context) - staying_count(cluster))
    first = cluster.allocated + 1
    announced = context.pace.after(context.now, ANNOUNCE)
    used = {node.slot for node in cluster.nodes}
    slots = [slot for slot in range(len(used) + missing) if slot not in used]
    new = [
        Node(_node_id(cluster, number, context.now), number, "allocated", announced, slot=slot)
        for number, slot in zip(range(first, first + missing), slots, strict=False)
    ]
    nodes = (*cluster.nodes, *new)
    return replace(cluster, nodes=nodes, allocated=cluster.allocated + missing, growing=None)


def _report_quota(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Report a problem while a cluster lacks nodes because of its quota; it stays ``resizing``."""
    problems = tuple(problem for problem in cluster.problems if problem.code != QUOTA_REACHED)
    if context.quota and staying_count(cluster) < cluster.target and context.quota.most < cluster.target:
        problems += (Problem(QUOTA_REACHED, context.quota.message),)
    return cluster if problems == cluster.problems else replace(cluster, problems=problems)


def _report_unplaced(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Report a problem while nodes have no machines; the cluster stays ``resizing``."""
    problems = tuple(problem for problem in cluster.problems if problem.code != NOT_PLACED)
    if context.machines and context.machines.reasons and (missing := unplaced_count(cluster, context)):
        summary = f"{missing} of {cluster.target} nodes have no machine: "
        problems += (Problem(NOT_PLACED, summary + "; ".join(context.machines.reasons)),)
    return cluster if problems == cluster.problems else replace(cluster, problems=problems)


def _settle(cluster: Cluster, context: ScalingContext) -> Cluster:
    """Make the allocation steady once the cluster has all its nodes and none of them is departing."""
    if cluster.allocation == "steady" or cluster.growing or len(cluster.nodes) != cluster.target:
        return cluster
    if unplaced_count(cluster, context) or any(node.departing for node in cluster.nodes):
        return cluster
    return replace(cluster, allocation="steady", allocation_changed=context.now)


# A new node boots only in the next pass, because the context has nothing about its mounts and set-up task yet.
_STEPS: tuple[Step, ...] = (
    _decide_manually,
    _decide_automatically,
    _lose,
    _remove_departing,
    _forget_departed,
    bring_up,
    _replace_lost,
    _allocate,
    _report_quota,
    _report_unplaced,
    _settle,
)


def _allowed(cluster: Cluster, context: ScalingContext) -> int:
    """How many nodes the cluster may have: its target, unless its quota is smaller."""
    return min(cluster.target, context.quota.most) if context.quota else cluster.target


def _leavers(nodes: tuple[Node, ...], count: int) -> list[Node]:
    """The nodes to release: unusable nodes first, then idle ones, then those with a job; the youngest of each first."""

    def rank(node: Node) -> tuple[bool, bool, int]:
        return (node.state != "unusable", node.job is not None, -node.number)

    return sorted((node for node in nodes if not node.departing), key=rank)[: max(0, count)]


def _node_id(cluster: Cluster, number: int, now: datetime) -> str:
    """The id of a node as Azure Batch writes it: pool, number, time of allocation, and a suffix for low priority."""
    ending = "-p" if cluster.spec.vm_priority is VmPriority.LOW_PRIORITY else ""
    return f"tvm-{cluster.pool}_{number}-{now:%Y%m%dt%H%M%Sz}{ending}"
