"""The changes of a cluster at the service's pace, and rules that hold at any pace."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.emulator.engine.model.records import Cluster, Problem
from harness.emulator.engine.rules.nodes import (
    assign_job,
    idle_nodes,
    mark_nodes_lost,
    mark_nodes_stuck,
    schedule_node_loss,
)
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.engine.rules.scaling import QUOTA_REACHED, advance, due, is_at_rest
from harness.emulator.engine.rules.scaling_context import NodeMachines, NodeQuota, ScalingContext
from tests.emulator.engine.rules.conftest import at, make_cluster

SERVICE, INSTANT = Pace(1), Pace(0)


def manual(nodes: int, option: str = "requeue") -> dict[str, Any]:
    return {"manual": {"targetNodeCount": nodes, "nodeDeallocationOption": option}}


def settle(cluster: Cluster, pace: Pace = INSTANT, **context: Any) -> Cluster:
    """Advance a cluster until nothing changes any more."""
    for _ in range(50):
        after = advance(cluster, ScalingContext(at(0), pace, **context))
        if after is cluster:
            return cluster
        cluster = after
    raise AssertionError("it never settles")


def test_a_cluster_without_nodes_is_steady_at_once() -> None:
    assert advance(make_cluster(manual(0)), ScalingContext(at(0), SERVICE)).allocation == "steady"


def test_a_new_cluster_gets_its_nodes_in_the_recorded_steps() -> None:
    cluster, steps = make_cluster(manual(2)), []
    moment = at(0)
    while True:
        cluster = advance(cluster, ScalingContext(moment, SERVICE))
        states = sorted({node.state for node in cluster.nodes})
        steps.append(((moment - at(0)).total_seconds(), cluster.allocation, len(cluster.nodes), states))
        if (after := due(cluster)) is None:
            break
        moment = after

    assert steps == [
        (0, "resizing", 0, []),
        (110, "steady", 2, ["allocated"]),
        (155, "steady", 2, ["preparing"]),
        (275, "steady", 2, ["idle"]),
    ]


def test_departing_nodes_are_idle_then_leaving_then_removed() -> None:
    cluster = settle(make_cluster(manual(1)))
    cluster = replace(cluster, spec=replace(cluster.spec, scale_settings=make_cluster(manual(0)).spec.scale_settings))
    steps = []
    for seconds in (1, 11, 302):
        cluster = advance(cluster, ScalingContext(at(seconds), SERVICE))
        steps.append((cluster.allocation, [node.state for node in cluster.nodes], cluster.departed))

    assert steps == [("resizing", ["idle"], 0), ("resizing", ["leaving"], 0), ("steady", [], 1)]


def test_a_removed_node_counts_as_departed_until_ten_minutes_after_the_resize() -> None:
    cluster = settle(make_cluster(manual(1)))
    cluster = replace(cluster, spec=replace(cluster.spec, scale_settings=make_cluster(manual(0)).spec.scale_settings))
    departed = {}
    for seconds in (1, 11, 302, 600, 601):
        cluster = advance(cluster, ScalingContext(at(seconds), SERVICE))
        departed[seconds] = cluster.departed
        assert seconds == 601 or not is_at_rest(cluster)

    assert departed == {1: 0, 11: 0, 302: 1, 600: 1, 601: 0}
    assert is_at_rest(cluster)


def test_a_node_is_named_for_its_pool_its_number_and_its_moment() -> None:
    cluster = settle(make_cluster(manual(1)))

    assert cluster.nodes[0].id == "tvm-7_1-20180607t000000z"


def test_a_node_waits_for_its_setup_task() -> None:
    cluster = make_cluster(manual(1))
    waiting = settle(cluster, has_setup=True)
    node = waiting.nodes[0].id

    assert waiting.nodes[0].state == "preparing"
    assert settle(waiting, has_setup=True, setups={node: True}).nodes[0].state == "idle"


def test_a_failed_setup_task_is_reported_once_for_all_nodes() -> None:
    waiting = settle(make_cluster(manual(2)), has_setup=True)
    problem = Problem("NodeSetupTaskFailed", "failed")
    failed = settle(waiting, has_setup=True, setups={node.id: problem for node in waiting.nodes})

    assert {node.state for node in failed.nodes} == {"unusable"}
    assert failed.problems == (problem,)


def test_unusable_nodes_go_before_free_ones_and_free_ones_before_busy_ones() -> None:
    cluster = settle(make_cluster(manual(3)))
    first, second, third = cluster.nodes
    cluster = assign_job(cluster, [third.id], "job")
    cluster = replace(cluster, nodes=(first, replace(second, state="unusable"), cluster.nodes[2]))
    cluster = replace(cluster, spec=replace(cluster.spec, scale_settings=make_cluster(manual(1)).spec.scale_settings))

    assert [node.id for node in settle(cluster).nodes] == [third.id]


def test_a_node_with_a_job_stays_until_the_job_has_ended() -> None:
    cluster = settle(make_cluster(manual(1)))
    node = cluster.nodes[0].id
    cluster = assign_job(cluster, [node], "job")
    cluster = replace(cluster, spec=replace(cluster.spec, scale_settings=make_cluster(manual(0)).spec.scale_settings))
    held = settle(cluster)

    assert [member.departing for member in held.nodes] == [True]
    assert settle(assign_job(held, [node], None)).nodes == ()


def test_autoscale_answers_to_a_queue_only_after_a_while() -> None:
    auto = {"autoScale": {"minimumNodeCount": 0, "maximumNodeCount": 4}}
    cluster = advance(make_cluster(auto), ScalingContext(at(0), SERVICE, nodes_needed=2))
    assert cluster.target == 0

    assert advance(cluster, ScalingContext(at(300), SERVICE, nodes_needed=2)).target == 0
    assert advance(cluster, ScalingContext(at(570), SERVICE, nodes_needed=2)).target == 2
    assert advance(cluster, ScalingContext(at(570), SERVICE, nodes_needed=0)).eager is None


@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    busy=st.sets(st.integers(0, 4)),
    option=st.sampled_from(["requeue", "terminate", "waitforjobcompletion"]),
)
def test_every_cluster_settles_at_its_last_size_once_its_jobs_have_ended(
    sizes: list[int], busy: set[int], option: str
) -> None:
    cluster = make_cluster(manual(sizes[0], option))
    for size in sizes:
        scale = make_cluster(manual(size, option)).spec.scale_settings
        cluster = settle(replace(cluster, spec=replace(cluster.spec, scale_settings=scale)))
        held = [node.id for index, node in enumerate(cluster.nodes) if index in busy]
        cluster = assign_job(cluster, held, "job")
    free = settle(assign_job(cluster, [node.id for node in cluster.nodes], None))

    assert len(free.nodes) == len(idle_nodes(free)) == sizes[-1]
    assert free.allocation == "steady"
    numbers = [node.number for node in free.nodes]
    assert len(set(numbers)) == len(numbers)


@given(size=st.integers(0, 5), quotas=st.lists(st.none() | st.integers(0, 6), min_size=1, max_size=5))
def test_a_cluster_never_grows_beyond_its_quota_and_reports_what_it_lacks(size: int, quotas: list[int | None]) -> None:
    cluster, reached = make_cluster(manual(size)), 0
    for most in quotas:
        quota = None if most is None else NodeQuota(most, "too few cores")
        cluster = settle(cluster, quota=quota)
        reached = max(reached, size if most is None else min(size, most))

        assert len(cluster.nodes) == reached  # a smaller quota takes no node away
        assert [problem.code for problem in cluster.problems] == [QUOTA_REACHED] * (reached < size)
        assert cluster.allocation == ("resizing" if reached < size else "steady")


def test_a_stuck_node_stays_in_preparing_whatever_the_others_do() -> None:
    cluster = make_cluster(manual(2))
    for _ in range(3):
        cluster = advance(cluster, ScalingContext(at(0), SERVICE))
    cluster = advance(cluster, ScalingContext(at(110), SERVICE))
    cluster = mark_nodes_stuck(cluster, {cluster.nodes[0].id})
    for seconds in (155, 275, 100_000):
        cluster = advance(cluster, ScalingContext(at(seconds), SERVICE))

    assert [node.state for node in cluster.nodes] == ["preparing", "idle"]
    assert due(cluster) is None


def test_a_doomed_node_is_taken_at_its_moment_from_the_job_that_has_it() -> None:
    cluster = assign_job(settle(make_cluster(manual(2))), ["tvm-7_2-20180607t000000z"], "j")
    cluster = schedule_node_loss(cluster, cluster.nodes[1].id, at(5))
    assert due(cluster) == at(5)
    assert advance(cluster, ScalingContext(at(4), INSTANT)) is cluster

    node = advance(cluster, ScalingContext(at(5), INSTANT)).nodes[1]
    assert (node.departing, node.preempted, node.job, node.lost) == (True, True, "j", None)


def test_a_cluster_whose_nodes_have_no_machines_stays_resizing_and_says_why() -> None:
    cluster = make_cluster(manual(2))
    for _ in range(3):
        cluster = advance(cluster, ScalingContext(at(0), INSTANT, machines=NodeMachines(frozenset())))
        assert cluster.allocation == "resizing"
    first, second = (node.id for node in cluster.nodes)

    partly = ScalingContext(at(0), INSTANT, machines=NodeMachines(frozenset({first}), ("none is free",)))
    cluster = advance(cluster, partly)

    assert [(node.id, node.state) for node in cluster.nodes] == [(first, "idle"), (second, "preparing")]
    assert cluster.problems == (Problem("AllocationFailed", "1 of 2 nodes have no machine: none is free"),)
    assert (cluster.allocation, due(cluster)) == ("resizing", None)

    cluster = settle(cluster, machines=NodeMachines(frozenset({second})))

    assert (cluster.allocation, cluster.problems) == ("steady", ())


def test_a_node_whose_machine_was_lost_leaves_and_gets_a_successor() -> None:
    cluster = settle(make_cluster(manual(2)))
    lost, remaining = (node.id for node in cluster.nodes)
    assert mark_nodes_lost(cluster, ("another",), at(0)) is cluster

    cluster = settle(mark_nodes_lost(cluster, (lost,), at(0)))

    assert len(cluster.nodes) == 2
    assert remaining in [node.id for node in cluster.nodes]
    assert lost not in [node.id for node in cluster.nodes]


def test_a_doomed_node_stays_when_its_job_has_ended() -> None:
    cluster = assign_job(settle(make_cluster(manual(1))), ["tvm-7_1-20180607t000000z"], "j")
    freed = assign_job(schedule_node_loss(cluster, cluster.nodes[0].id, at(5)), [cluster.nodes[0].id], None)

    assert advance(freed, ScalingContext(at(5), INSTANT)) is freed


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_no_two_nodes_of_a_cluster_have_one_slot_however_it_was_resized(sizes: list[int]) -> None:
    cluster = make_cluster(manual(0))
    for size in sizes:
        cluster = settle(replace(cluster, spec=make_cluster(manual(size)).spec))
        slots = [node.slot for node in cluster.nodes]
        assert len(set(slots)) == len(slots) == size
        assert not slots or max(slots) < max(sizes)
