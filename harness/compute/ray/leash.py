"""Runs the supervisor of a job on a node, while the node's agent and its Ray node live; standard library alone.

Ray ends the children of an actor, but never theirs. This program is no child of the agent, stays the ancestor of all
that the job starts, and ends all of it when the agent or the Ray node is gone: the node is lost then, and its job runs
elsewhere. It ends together with the supervisor.
"""

import ctypes
import json
import os
import selectors
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from harness.compute.logged_process import start_logged
from harness.compute.supervisor import PR_SET_CHILD_SUBREAPER, end_all


def main() -> None:
    """``leash.py`` with its order on standard input; prints its process id once it watches."""
    order = json.load(sys.stdin)
    supervise(order, leave_agent(order["agent"]))


def supervise(order: Mapping[str, Any], handles: Sequence[int]) -> None:
    """From the start of a supervisor to its end, or to that of one of the processes that the handles name."""
    supervisor = start_logged(order["argv"], {"LANG": "C.UTF-8"}, order["log"])
    say({"pid": os.getpid()})
    _wait(handles, supervisor)


def leave_agent(agent: int) -> list[int]:
    """Go on in a process that is no child of the agent. Handles of the processes whose end ends the job here.

    The first process, which Ray knows of, waits until the second has told its caller what it wants to tell.
    """
    if os.getppid() != agent:
        sys.exit("the agent that started this program is gone")
    ray_node = parent_of(agent)
    handles = [os.pidfd_open(agent), os.pidfd_open(ray_node)]
    if os.getppid() != agent or parent_of(agent) != ray_node:
        sys.exit("the agent that started this program is gone")
    if os.fork():
        os._exit(0)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    return handles


def parent_of(process: int) -> int:
    """The id of the parent of a process."""
    with open(f"/proc/{process}/stat", "rb") as stream:  # noqa: PTH123 - pathlib takes long to import
        return int(stream.read().rpartition(b")")[2].split()[1])


def say(facts: object) -> None:
    """Tell the agent, which reads until the end of this program's standard output."""
    sys.stdout.write(json.dumps(facts))
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _wait(handles: Sequence[int], supervisor: int) -> None:
    """Return when the supervisor has ended, or when one of the handles says so; nothing of the job is left then."""
    watched = os.pidfd_open(supervisor)
    with selectors.DefaultSelector() as selector:
        for handle in (*handles, watched):
            selector.register(handle, selectors.EVENT_READ)
        selector.select()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    end_all(0)  # a supervisor that has ended by itself has left nothing


if __name__ == "__main__":
    main()
