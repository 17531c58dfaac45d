"""The engine with a service other than Batch AI."""

import pytest
from msgspec.structs import replace

from harness.emulator.engine.model.address import BATCH_AI, MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Cluster, Job, Pending, Workspace
from tests.emulator.engine.conftest import CommandService


def test_a_job_runs_what_its_service_says(service: CommandService) -> None:
    job = service.submit("hello", "echo $AZUREML_RUN_ID; echo problem >&2", service.make_cluster("cpu"))

    service.until(lambda: service.job(job).is_finished)

    assert service.job(job).phase == "succeeded"
    logs = service.logs / "hello"
    assert (logs / "user_logs" / "std_log.txt").read_text() == "hello\nproblem\n"
    assert [path.name for path in (logs / "system_logs").iterdir()] == ["execution.log"]


def test_a_job_without_a_cluster_gets_one_that_goes_with_it(service: CommandService) -> None:
    job = service.submit("serverless", "true")
    assert service.job(job).cluster in service.engine.repository.clusters

    service.until(lambda: service.job(job).is_finished)

    assert service.job(job).phase == "succeeded"
    assert service.engine.repository.clusters == set()


def test_the_cluster_of_a_queued_job_that_is_deleted_goes_too(service: CommandService) -> None:
    job = service.submit("serverless", "true")
    now = service.engine.clock.now()
    service.engine.repository.keep(replace(job, deleting=Pending("", now, now)))

    service.engine.reconcile(now)

    assert service.engine.repository.clusters == set()


def test_a_service_learns_of_every_change_of_its_jobs_and_nodes(service: CommandService) -> None:
    job = service.submit("observed", "true")
    service.until(lambda: service.job(job).is_finished)

    phases = [after.phase for _, after in service.changes if isinstance(after, Job)]
    assert (phases[:2], phases[-1]) == (["queued", "starting"], "succeeded")
    nodes = [node.state for _, after in service.changes if isinstance(after, Cluster) for node in after.nodes]
    assert list(dict.fromkeys(nodes)) == ["allocated", "idle", "leaving"]  # at pace 0, nodes prepare within one step
    assert any(after is None and isinstance(before, Cluster) for before, after in service.changes)


def test_what_a_service_writes_of_a_change_is_kept_or_lost_with_it(service: CommandService) -> None:
    store = service.engine.repository.store
    note = Workspace(Address("sub", "group", ("note",)), "eastus", None, *[service.engine.clock.now()] * 2)
    service.engine.register(service, lambda before, after: store.put("note", note))

    def fail() -> None:
        with store.transaction():
            service.make_cluster("lost")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()

    assert store.get(Workspace, "note") is None


def test_a_terminated_job_differs_from_one_that_failed(service: CommandService) -> None:
    failing, stopped = service.submit("failing", "exit 3"), service.submit("stopped", "sleep 1000")
    service.until(lambda: service.job(failing).is_finished and service.job(stopped).phase == "running")
    service.engine.operations.terminate(service.job(stopped), target="stopped", seconds=0.0)

    service.until(lambda: service.job(stopped).is_finished)

    assert (service.job(failing).exit_code, service.job(failing).is_terminated) == (3, False)
    assert service.job(stopped).is_terminated


def test_deleting_a_group_of_one_service_leaves_the_others(service: CommandService) -> None:
    engine = service.engine
    now = engine.clock.now()
    other = Workspace(Address("sub", "group", ("ws",)), "eastus", None, created=now, written=now)
    engine.repository.keep(other)
    job = service.submit("running", "sleep 1000", service.make_cluster("cpu"))
    service.until(lambda: service.job(job).phase == "running")

    engine.begin_group_delete(MACHINE_LEARNING, "sub", "group")
    service.until(lambda: not engine.repository.workspaces(MACHINE_LEARNING, "sub", "group"))

    assert engine.repository.store.get(Job, job.key) is None
    assert engine.repository.clusters == set()
    assert engine.repository.workspaces(BATCH_AI, "sub", "group") == [other]
