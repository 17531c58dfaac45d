"""Only the emulator of a directory is stopped, whatever files an earlier one has left."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from harness.cli import main
from harness.compute.process_handle import ProcessFacts, ends
from harness.emulator import launch as launching
from harness.emulator import launched_process
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, start_detached, stop
from harness.emulator.launched_process import Ending
from harness.emulator.options import Options
from harness.emulator.server_process import is_server, server_command, server_environment
from harness.errors import EmulatorError


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the id of a killed emulator."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_SETTLE_SECONDS", 0.2)


def write_endpoint(directory: Path, pid: int) -> None:
    endpoint = Endpoint("http://127.0.0.1:1", "ca", "t", "c", "s", "u", "a", "k", pid, str(directory))
    (directory / "endpoint.json").write_bytes(msgspec.json.encode(endpoint))


@contextmanager
def hold_lock(directory: Path, pid: int) -> Iterator[None]:
    """The lock of a directory, held by this process, while the file names another one."""
    (directory / "lock").write_text(str(pid))
    with (directory / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_stranger_with_the_id_of_a_killed_emulator_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    write_endpoint(tmp_path, stranger.pid)
    with hold_lock(tmp_path, stranger.pid):  # a new emulator, before it has written its own id
        with pytest.raises(EmulatorError, match=f"nothing proves that process {stranger.pid} is an emulator of yours"):
            stop(tmp_path)
        assert main(["emulator", "stop", "--dir", str(tmp_path)]) == 2
    assert stranger.poll() is None


def test_a_lock_that_names_no_process_is_left_alone(tmp_path: Path) -> None:
    with hold_lock(tmp_path, 0):
        (tmp_path / "lock").write_text("")
        with pytest.raises(EmulatorError, match=r"nothing proves that process \(no id\) is an emulator"):
            stop(tmp_path)


def test_what_a_killed_emulator_left_is_not_found(tmp_path: Path) -> None:
    write_endpoint(tmp_path, 1)
    with hold_lock(tmp_path, os.getpid()):
        assert find(tmp_path) is None  # the holder of the lock is not ready yet
    assert not stop(tmp_path)


def facts(*command_line: str, user: int | None = None) -> ProcessFacts:
    return ProcessFacts(1, os.getuid() if user is None else user, command_line, {})


def test_an_emulator_is_known_by_its_command_line(tmp_path: Path) -> None:
    command = server_command(Options(tmp_path, port=1))
    link = tmp_path / "link"
    link.symlink_to(tmp_path)

    assert is_server(facts(*command), tmp_path)
    assert is_server(facts(*command), link)
    assert not is_server(facts(*command), tmp_path / "other")
    assert not is_server(facts(*command, user=os.getuid() + 1), tmp_path)
    assert not is_server(facts("tail", "-f", "harness.emulator", "--dir", str(tmp_path)), tmp_path)
    assert not is_server(facts(*command, "--dir", "/etc"), tmp_path)


def test_the_command_keeps_the_current_directory_out(tmp_path: Path) -> None:
    command = server_command(Options(Path("relative")))

    assert command[1:4] == ["-P", "-m", "harness.emulator"]
    assert str(Path("relative").absolute()) in command


def test_secrets_of_the_launcher_do_not_reach_the_emulator(tmp_path: Path) -> None:
    environment = {"PATH": "/bin", "AZURE_CLIENT_SECRET": "s", "HARNESS_STORAGE_KEY": "k", "LD_PRELOAD": "/x.so"}
    environment |= {"PYTHONPATH": ":relative:/absolute:", "PYTHONSTARTUP": "x.py", "TZ": ""}

    assert server_environment(Options(tmp_path), environment) == {"PATH": "/bin", "PYTHONPATH": "/absolute"}


@pytest.mark.slow  # kills and starts new emulators
def test_stop_against_start_touches_no_stranger(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    """A killed emulator's id belongs to a stranger, while new ones are started and stopped."""
    directory = tmp_path / "data"
    for _ in range(3):
        endpoint = start_detached(Options(directory))
        os.kill(endpoint.pid, signal.SIGKILL)
        assert ends(endpoint.pid, seconds=60)
        content = (directory / "endpoint.json").read_bytes()
        (directory / "endpoint.json").write_bytes(
            content.replace(b'"pid":%d' % endpoint.pid, b'"pid":%d' % stranger.pid)
        )
        (directory / "lock").write_text(str(stranger.pid))
        command = [*server_command(Options(directory)), "--detach"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
            stopped = False
            while not stopped:  # as soon as it runs, or before it is ready
                try:
                    stopped = stop(directory)
                except EmulatorError:
                    continue
                assert stranger.poll() is None
                if not stopped and starting.poll() is not None:
                    stopped = stop(directory)
                    break
        assert stopped
        assert find(directory) is None
    assert stranger.poll() is None


def test_a_launcher_knows_how_its_emulator_has_ended(tmp_path: Path) -> None:
    with launching.launch_with(Options(tmp_path, only="storage")) as emulator:
        assert emulator.ending() is None
        assert not emulator.endpoint.has_ended()
        os.kill(emulator.endpoint.pid, signal.SIGKILL)
        assert ends(emulator.endpoint.pid, seconds=60)
        assert emulator.endpoint.has_ended()
        assert emulator.ending() == Ending("was ended by SIGKILL", "it printed nothing")


def test_a_launcher_knows_what_its_emulator_has_printed_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = "echo ready; seq 100 >&2; exit 3"
    monkeypatch.setattr(launched_process, "server_command", lambda _: ["/bin/sh", "-c", script])
    with launched_process.launched_process(Options(tmp_path)) as process:
        while (ending := process.ending()) is None:
            os.sched_yield()
    assert ending == Ending("ended with exit code 3", "\n".join(["it printed last:", *map(str, range(81, 101))]))


def test_an_emulator_that_outlives_its_launcher_may_be_started_again(tmp_path: Path) -> None:
    endpoint = start_detached(Options(tmp_path, only="storage"))
    os.kill(endpoint.pid, signal.SIGKILL)
    assert ends(endpoint.pid, seconds=60)
    assert not endpoint.has_ended()


def test_an_emulator_that_is_killed_while_it_starts_is_reported_as_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launched_process, "server_command", lambda _: ["/bin/sh", "-c", "kill -9 $$"])
    with pytest.raises(EmulatorError, match="it printed:\nnothing: it was killed"), launching.launch():
        pass
