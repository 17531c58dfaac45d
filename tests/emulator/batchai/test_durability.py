"""An emulator continues what a killed one had begun, and begins nothing twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.compute.process_handle import ends
from harness.emulator.launch import find, start_detached, stop
from harness.emulator.options import Options
from tests.emulator.batchai.conftest import Group, client_of

pytestmark = pytest.mark.slow  # each kills an emulator in the middle of its work, and starts another


@contextmanager
def serving(directory: Path, before: Group | None = None) -> Iterator[Group]:
    """Run an emulator on a directory; yields a client, of the same group as ``before`` if that is given."""
    with client_of(start_detached(Options(directory))) as group:
        if before is None:
            group.set_up()
        else:
            vars(group).update(
                {name: getattr(before, name) for name in ("name", "share", "id", "provider", "workspace", "experiment")}
            )
        yield group


def kill(directory: Path) -> None:
    """Kill the emulator of a directory, as ``kill -9`` does."""
    endpoint = find(directory)
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGKILL)
    assert ends(endpoint.pid, seconds=60)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "an emulator"
    yield path
    stop(path)


def test_a_job_that_ran_when_the_emulator_was_killed_ends_with_its_true_exit_code(directory: Path) -> None:
    counter, go = "$AZ_BATCHAI_MOUNT_ROOT/share/counter", "$AZ_BATCHAI_MOUNT_ROOT/share/go"
    with serving(directory) as first:
        first.make_cluster()
        job = first.submit("job", f"echo once >> {counter}; until test -e {go}; do sleep 0.02; done; exit 5")
        first.until(job, lambda _job: first.files.exists(first.share, file_name="counter"))
        kill(directory)
    with serving(directory, first) as second:
        second.files.create_file(second.share, None, "go", 0)
        information = second.wait_for_end(job)["executionInfo"]

        assert information["exitCode"] == 5
        assert second.files.get_file_to_text(second.share, None, "counter").content == "once\n"


def test_a_job_that_ended_while_no_emulator_ran_is_known_by_the_next_one(directory: Path) -> None:
    with serving(directory) as first:
        first.make_cluster()
        job = first.submit("job", "until test -e $AZ_BATCHAI_MOUNT_ROOT/share/go; do sleep 0.02; done; exit 4")
        first.wait_for_state(job, "running")
        kill(directory)
    share = directory / "storage" / first.endpoint.storage_account / "file" / first.share
    (share / "go").touch()
    supervisors = [
        process for process in psutil.process_iter(["cmdline"]) if str(directory) in str(process.info["cmdline"])
    ]
    assert all(ends(process.pid, seconds=60) for process in supervisors)
    with serving(directory, first) as second:
        assert second.wait_for_end(job)["executionInfo"]["exitCode"] == 4


def test_resources_and_unfinished_operations_are_there_after_a_kill(directory: Path) -> None:
    with serving(directory) as first:
        first.make_cluster(nodes=2)
        before = first.send("GET", f"{first.workspace}/clusters/cluster")
        queued = first.submit("queued", nodeCount=3)
        running = first.submit("running", "sleep 600")
        first.wait_for_state(running, "running")
        deleting = first.send("DELETE", running)
        kill(directory)
    with serving(directory, first) as second:
        assert second.wait_for_operation(deleting)["status"] == "Succeeded"
        after = second.send("GET", f"{second.workspace}/clusters/cluster")
        assert after.headers["etag"] == before.headers["etag"]
        assert second.send("GET", running).status_code == 404
        assert second.send("GET", queued).json()["properties"]["executionState"] == "queued"


def test_after_the_last_stop_no_process_of_an_ended_job_is_left(directory: Path) -> None:
    with serving(directory) as first:
        first.make_cluster()
        first.wait_for_state(first.submit("job", "sleep 600 & sleep 600"), "running")
        kill(directory)
    with serving(directory, first) as second:
        second.wait_for_operation(second.send("DELETE", f"{second.experiment}/jobs/job"))
    stop(directory)

    processes = [
        process.pid for process in psutil.process_iter(["cmdline"]) if str(directory) in str(process.info["cmdline"])
    ]
    assert processes == []


def test_two_emulators_cannot_open_one_directory(directory: Path) -> None:
    with serving(directory):
        command = [sys.executable, "-m", "harness.emulator", "--dir", str(directory)]
        second = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    assert second.returncode == 2
    assert "is in use by the emulator with process id" in second.stderr
