import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.resources.owner import Owner, owner_of, parse_owner, this_process


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A separate process that waits for the end of its standard input."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        yield process


def test_this_process_runs() -> None:
    assert this_process().pid == os.getpid()
    assert this_process().state == "running"


def test_a_killed_process_has_ended_even_before_its_parent_took_notice(other: subprocess.Popen[bytes]) -> None:
    owner = owner_of(other.pid)
    before = owner.state
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert owner.state == "ended"
    other.wait()
    assert (before, owner.state) == ("running", "ended")


def test_another_process_with_the_same_id_is_not_the_owner() -> None:
    assert Owner(this_process().host, os.getpid(), "00000000.1").state == "ended"


def test_a_process_of_another_machine_cannot_be_seen() -> None:
    assert Owner("0123456789ab", os.getpid(), this_process().started).state == "elsewhere"


def test_the_text_reads_back_and_holds_no_host_name() -> None:
    assert parse_owner(str(this_process())) == this_process()
    assert os.uname().nodename not in str(this_process())


def test_a_process_of_another_boot_cannot_be_seen() -> None:
    """A clone of a virtual machine has the same name, machine id and namespaces as the original."""
    machine, _, boot = this_process().host.partition(".")
    clone = Owner(f"{machine}.{boot[::-1]}", os.getpid(), this_process().started)
    assert clone.state == "elsewhere"
    assert clone.is_of_an_earlier_boot


def test_another_boot_id_makes_another_machine(tmp_path: Path) -> None:
    """The same machine sees another boot id, as a clone of it would."""
    (tmp_path / "boot_id").write_text("5f6c0e2a-0d1b-4a52-9c7e-2d8f5b1f0a11\n")
    look = "from harness.resources.owner import parse_owner; import sys; print(parse_owner(sys.argv[1]).state)"
    mounted = f'mount --bind {tmp_path}/boot_id /proc/sys/kernel/random/boot_id && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c", look, str(this_process())]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount" in process.stderr or "unshare" in process.stderr:
        pytest.skip(f"this user cannot mount another boot id: {process.stderr.strip()}")
    assert process.stdout == "elsewhere\n"


def test_a_process_of_another_user_that_is_hidden_has_not_ended() -> None:
    """Machines with many users hide processes in ``/proc``: another user's living run looks as if it had ended."""
    look = "from harness.resources.owner import parse_owner; import sys; print(parse_owner(sys.argv[1]).state)"
    hidden = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    command = ["unshare", "--mount", "sh", "-c", hidden, "sh", sys.executable, "-c", look, str(this_process())]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if not process.stdout:
        pytest.skip(f"this user cannot hide processes: {process.stderr.strip()}")
    assert process.stdout == "elsewhere\n"


@pytest.mark.parametrize(
    "text", ["", "kept", "host", "host/12", "host/x/1.2", "/1/2", "host/\N{SUPERSCRIPT TWO}/1", f"host/{'9' * 5000}/1"]
)
def test_what_is_no_owner_is_none(text: str) -> None:
    assert parse_owner(text) is None
