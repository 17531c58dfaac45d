"""A signal reaches the verified process or none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.compute.process_handle import ProcessFacts, open_process, read_facts


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, with a distinctive argument and variable."""
    argv = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "an argument"]
    with subprocess.Popen(argv, env={"SLEEPER": "a=b\nc"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on the program is Python, not the fork of this process
        yield process
        process.kill()


def is_any(_facts: ProcessFacts) -> bool:
    return True


def test_facts_hold_user_command_line_and_environment(sleeper: subprocess.Popen[bytes]) -> None:
    facts = read_facts(sleeper.pid)
    assert (facts.pid, facts.user) == (sleeper.pid, os.getuid())
    assert (facts.command_line[0], facts.command_line[-1]) == (sys.executable, "an argument")
    assert facts.environment["SLEEPER"] == "a=b\nc"


def test_the_expected_process_is_signalled_and_waited_for(sleeper: subprocess.Popen[bytes]) -> None:
    with open_process(sleeper.pid, lambda facts: facts.command_line[-1] == "an argument") as process:
        assert process is not None
        assert not process.ends_within(0)
        process.send_signal(signal.SIGTERM)
        assert process.ends_within(60)
        process.send_signal(signal.SIGKILL)  # the process has ended, so this does nothing
    assert sleeper.wait() == -signal.SIGTERM


def test_another_process_is_not_opened(sleeper: subprocess.Popen[bytes]) -> None:
    with open_process(sleeper.pid, lambda facts: facts.command_line[-1] == "another") as process:
        assert process is None


def test_a_process_that_ends_while_it_is_looked_at_is_not_opened(sleeper: subprocess.Popen[bytes]) -> None:
    def ends_before_verification(_facts: ProcessFacts) -> bool:
        sleeper.kill()
        os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
        return True

    with open_process(sleeper.pid, ends_before_verification) as process:
        assert process is None


def test_a_zombie_is_not_opened(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    with open_process(sleeper.pid, is_any) as process:
        assert process is None


@pytest.mark.parametrize("pid", [0, -1, -12345, 1 << 30, 1 << 80])
def test_an_id_that_no_process_has_opens_none(pid: int) -> None:
    with open_process(pid, is_any) as process:
        assert process is None


def test_an_id_that_no_process_has_has_no_facts() -> None:
    assert read_facts(1 << 30) == ProcessFacts(1 << 30, None, (), {})
