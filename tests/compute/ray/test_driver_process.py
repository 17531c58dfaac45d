"""The child process that is connected with Ray, as the emulator has it. No test gets as far as Ray."""

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
from harness.compute.ray.driver_process import DriverProcess, failures_after
from harness.compute.ray.messages import Ended, News, Node, Run, Unreachable, encode
from harness.compute.ray.own_cluster import OwnClusterError, ensure_own_cluster
from harness.file_lock import lock_file
from tests.compute.laboratory import Recipe

SECONDS = 60.0  # after which a test gives up


@contextmanager
def driver(
    log: Path, hear: Callable[[News], None], settings: Callable[[], dict[str, str]] = dict
) -> Iterator[DriverProcess]:
    made = DriverProcess(settings, dict, hear=hear, standing=tuple, log=log)
    try:
        yield made
    finally:
        made.close()


def test_a_driver_that_cannot_be_started_says_so_and_is_started_when_it_can(tmp_path: Path) -> None:
    place, heard = tmp_path / "ray", queue.SimpleQueue[News]()
    place.write_text("no directory")
    with driver(place / "driver.log", heard.put) as made:
        made.ensure()
        news = heard.get(timeout=SECONDS)
        assert isinstance(news, Unreachable)
        assert news.reason.startswith("the driver of Ray cannot be started: [Errno ")

        place.unlink()
        clock = SystemClock()
        while not (place / "driver.log").exists():
            clock.sleep(0.02)


def test_a_cluster_whose_lock_another_process_keeps_is_unreachable_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.compute.ray.own_cluster._SECONDS", 0.0)
    heard = queue.SimpleQueue[News]()

    def settings() -> dict[str, str]:
        return {"address": ensure_own_cluster(tmp_path, {})}

    with lock_file(tmp_path / "lock"), driver(tmp_path / "driver.log", heard.put, settings) as made:
        with pytest.raises(OwnClusterError):
            settings()
        made.ensure()
        for _ in range(2):
            news = heard.get(timeout=SECONDS)
            assert isinstance(news, Unreachable)
            assert str(tmp_path / "lock") in news.reason


def test_what_machines_write_to_the_directory_of_a_forgotten_job_goes_when_nothing_of_it_runs_any_more(
    tmp_path: Path, job: Callable[..., JobSpec]
) -> None:
    pytest.importorskip("ray")
    spec = job("true")
    backend = Recipe("ray", tmp_path, address="127.0.0.1:1").make(lambda: None)  # nobody answers there
    with closing(backend):
        backend.start(backend.plan(spec))
        backend.forget(spec.directory)
        spec.directory.mkdir()
        JobPaths(spec.directory).stop.touch()

        backend._hear(Ended(str(spec.directory)))

    assert not spec.directory.exists()


def test_drivers_that_end_soon_are_counted_and_one_that_has_lived_is_not() -> None:
    assert failures_after(0, 0.1) == 1
    assert failures_after(4, 5.0) == 5
    assert failures_after(4, 3600.0) == 1


def test_a_job_of_a_thousand_nodes_that_know_each_other_is_an_order() -> None:
    pytest.importorskip("ray")
    hosts = ",".join(f"@address(tvm-{number:060})@" for number in range(1000))
    nodes = tuple(Node(f"tvm-{number:060}", "STANDARD_D1", 1, 0, {"HOSTS": hosts}) for number in range(1000))
    script = (
        "import asyncio\n"
        "from harness.compute.ray.__main__ import serve\n"
        "asyncio.run(serve(lambda order: print(order.job, len(order.nodes))))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        input=encode(Run("/large", nodes, "key")) + encode(Run("/next", (), "key")),
        capture_output=True,
        check=True,
    )

    assert done.stdout.decode().splitlines() == ["/large 1000", "/next 0"]
