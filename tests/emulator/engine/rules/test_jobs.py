"""The life of a job as a table of moves."""

from dataclasses import dataclass
from typing import Literal

import pytest
from msgspec.structs import replace

from harness.emulator.engine.model.records import Job, Pending, Problem
from harness.emulator.engine.rules.jobs import MOVES, apply_progress, assign_nodes, fail_to_start, requeue, withdraw
from tests.emulator.engine.rules.conftest import at


@dataclass
class FakeProgress:
    state: str
    started: object = None
    ended: object = None
    exit_code: int | None = None
    error: str | None = None
    message: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    lost_nodes: tuple[str, ...] = ()


def test_a_placed_job_runs_from_the_moment_that_its_first_process_was_started(job: Job) -> None:
    running = apply_progress(assign_nodes(job, ("n1",)), FakeProgress("preparing", started=at(3)), at(4))

    assert (running.phase, running.started, running.changed) == ("running", at(3), at(3))


def test_a_job_that_moved_nowhere_is_itself(job: Job) -> None:
    starting = assign_nodes(job, ("n1",))

    assert apply_progress(starting, FakeProgress("waiting"), at(1)) is starting


def test_a_job_that_ended_before_the_first_poll_has_both_times(job: Job) -> None:
    progress = FakeProgress("finished", started=at(1), ended=at(2), exit_code=0)
    ended = apply_progress(assign_nodes(job, ("n1",)), progress, at(9))

    assert (ended.phase, ended.started, ended.ended, ended.changed) == ("succeeded", at(1), at(2), at(2))


def test_a_terminated_job_has_no_exit_code(job: Job) -> None:
    running = replace(assign_nodes(job, ("n1",)), ending="terminated")
    ended = apply_progress(running, FakeProgress("finished", exit_code=143, error="JobTerminated"), at(2))

    assert (ended.phase, ended.exit_code, ended.problems[0].code) == ("failed", None, "JobTerminated")


def test_a_job_whose_node_went_is_queued_again_for_another_run(job: Job) -> None:
    running = replace(assign_nodes(job, ("n1",)), ending="requeued")
    again = apply_progress(running, FakeProgress("finished", error="JobTerminated"), at(2))

    assert (again.phase, again.run, again.nodes, again.ending) == ("queued", 1, (), None)


def test_a_job_whose_machine_is_gone_is_queued_again(job: Job) -> None:
    progress = FakeProgress("finished", error="JobNodeLost", lost_nodes=("n1",))
    queued = apply_progress(assign_nodes(job, ("n1", "n2")), progress, at(2))

    assert (queued.phase, queued.nodes, queued.run) == ("queued", (), 1)


def test_a_job_whose_machine_is_gone_after_its_end_was_asked_for_has_ended(job: Job) -> None:
    running = replace(assign_nodes(job, ("n1",)), ending="terminated")
    ended = apply_progress(running, FakeProgress("finished", error="JobNodeLost", lost_nodes=("n1",)), at(2))

    assert (ended.phase, ended.problems[0].code) == ("failed", "JobTerminated")


def test_a_job_that_ended_by_itself_while_its_node_had_to_go_has_ended(job: Job) -> None:
    running = replace(assign_nodes(job, ("n1",)), ending="requeued")

    assert apply_progress(running, FakeProgress("finished", exit_code=0), at(2)).phase == "succeeded"


def test_a_withdrawn_job_began_when_its_end_was_asked_for(job: Job) -> None:
    terminating = replace(job, terminating=Pending("op", at(5), at(6)))
    ended = withdraw(terminating, at(6))

    assert (ended.started, ended.ended, ended.exit_code) == (at(5), at(6), None)


def test_a_job_that_could_not_start_says_why(job: Job) -> None:
    problem = Problem("AZFMountError", "Unable to mount Azure File")

    assert fail_to_start(assign_nodes(job, ("n1",)), problem, at(1)).problems == (problem,)


@pytest.mark.parametrize("finished", ["succeeded", "failed"])
def test_a_finished_job_never_moves_again(job: Job, finished: Literal["succeeded", "failed"]) -> None:
    assert MOVES[finished] == frozenset()
    with pytest.raises(ValueError, match="does not move"):
        requeue(replace(job, phase=finished), at(1))
