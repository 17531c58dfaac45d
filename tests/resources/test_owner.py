import os
import subprocess
import sys

import pytest

from harness.resources.owner import Owner, owner_of, parse_owner, this_process


@pytest.fixture
def other():
    """A process of its own that waits for its standard input to end."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        yield process


def test_this_process_runs():
    assert this_process().pid == os.getpid()
    assert this_process().state == "running"


def test_a_killed_process_has_ended_even_before_its_parent_took_notice(other):
    owner = owner_of(other.pid)
    assert owner.state == "running"
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert owner.state == "ended"
    other.wait()
    assert owner.state == "ended"


def test_another_process_with_the_same_id_is_not_the_owner():
    assert Owner(this_process().host, os.getpid(), "00000000.1").state == "ended"


def test_a_process_of_another_machine_cannot_be_seen():
    assert Owner("0123456789ab", os.getpid(), this_process().started).state == "elsewhere"


def test_the_text_reads_back_and_holds_no_host_name():
    assert parse_owner(str(this_process())) == this_process()
    assert os.uname().nodename not in str(this_process())


@pytest.mark.parametrize("text", ["", "kept", "host", "host/12", "host/x/1.2", "/1/2"])
def test_what_is_no_owner_is_none(text):
    assert parse_owner(text) is None
