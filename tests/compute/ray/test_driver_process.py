"""The emulator's child process that connects to Ray. No test reaches Ray."""

import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.compute.backend import JobSpec
from harness.compute.paths import JobPaths
from harness.compute.ray.driver_process import DriverProcess, count_failures
from harness.compute.ray.local_cluster import LocalClusterError, ensure_local_cluster
from harness.compute.ray.messages import Event, JobRemoved, Node, Run, Unreachable, encode
from harness.file_lock import lock_file
from tests.compute.job_runner import Recipe

SECONDS = 60.0  # the time limit of a test


@contextmanager
def driver(
    log: Path, on_event: Callable[[Event], None], settings: Callable[[], dict[str, str]] = dict
) -> Iterator[DriverProcess]:
    process = DriverProcess(settings, dict, on_event=on_event, initial_orders=tuple, log=log)
    try:
        yield process
    finally:
        process.close()


def test_a_driver_that_cannot_be_started_says_so_and_is_started_when_it_can(tmp_path: Path) -> None:
    directory, events = tmp_path / "ray", queue.SimpleQueue[Event]()
    directory.write_text("no directory")
    with driver(directory / "driver.log", events.put) as process:
        process.ensure_started()
        event = events.get(timeout=SECONDS)
        assert isinstance(event, Unreachable)
        assert event.reason.startswith("the driver of Ray cannot be started: [Errno ")

        directory.unlink()
        clock = SystemClock()
        while not (directory / "driver.log").exists():
            clock.sleep(0.02)


def test_a_cluster_whose_lock_another_process_keeps_is_unreachable_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.compute.ray.local_cluster._SECONDS", 0.0)
    events = queue.SimpleQueue[Event]()

    def settings() -> dict[str, str]:
        return {"address": ensure_local_cluster(tmp_path, {})}

    with lock_file(tmp_path / "lock"), driver(tmp_path / "driver.log", events.put, settings) as process:
        with pytest.raises(LocalClusterError):
            settings()
        process.ensure_started()
        for _ in range(2):
            event = events.get(timeout=SECONDS)
            assert isinstance(event, Unreachable)
            assert str(tmp_path / "lock") in event.reason


def test_files_that_machines_write_to_a_forgotten_job_directory_are_deleted_when_the_job_has_ended(
    tmp_path: Path, job: Callable[..., JobSpec]
) -> None:
    pytest.importorskip("ray")
    spec = job("true")
    backend = Recipe("ray", tmp_path, address="127.0.0.1:1").make(lambda: None)  # no server listens there
    with closing(backend):
        backend.start(backend.plan(spec))
        backend.forget(spec.directory)
        spec.directory.mkdir()
        JobPaths(spec.directory).stop.touch()

        backend._handle_event(JobRemoved(str(spec.directory)))

    assert not spec.directory.exists()


def test_drivers_that_end_soon_are_counted_and_one_that_has_lived_is_not() -> None:
    assert count_failures(0, 0.1) == 1
    assert count_failures(4, 5.0) == 5
    assert count_failures(4, 3600.0) == 1


def test_a_job_of_a_thousand_nodes_that_know_each_other_is_an_order() -> None:
    pytest.importorskip("ray")
    hosts = ",".join(f"@address(tvm-{number:060})@" for number in range(1000))
    nodes = tuple(Node(f"tvm-{number:060}", "STANDARD_D1", 1, 0, {"HOSTS": hosts}) for number in range(1000))
    script = (
        "import asyncio\n"
        "from harness.compute.ray.__main__ import serve\n"
        "asyncio.run(serve(lambda order: print(order.job, len(order.nodes))))\n"
    )

    process = subprocess.run(
        [sys.executable, "-c", script],
        input=encode(Run("/large", nodes, "key")) + encode(Run("/next", (), "key")),
        capture_output=True,
        check=True,
    )

    assert process.stdout.decode().splitlines() == ["/large 1000", "/next 0"]
