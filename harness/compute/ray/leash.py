"""Runs the supervisor of a job on a node while the node's agent and its Ray node run; uses the standard library alone.

Ray ends the children of an actor, but not their descendants. This program is no child of the agent, remains the
ancestor of all processes of the job, and ends them all when the agent or the Ray node ends: the node is lost then, and
its job runs elsewhere. It ends together with the supervisor.
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
from harness.compute.supervisor import PR_SET_CHILD_SUBREAPER, terminate_all


def main() -> None:
    """Execute the order on standard input; print the process id once the supervisor is started."""
    order = json.load(sys.stdin)
    supervise(order, detach_from_agent(order["agent"]))


def supervise(order: Mapping[str, Any], handles: Sequence[int]) -> None:
    """Start a supervisor, and wait until it or one of the processes of the handles ends."""
    supervisor = start_logged(order["argv"], {"LANG": "C.UTF-8"}, order["log"])
    report_started({"pid": os.getpid()})
    _wait(handles, supervisor)


def detach_from_agent(agent: int) -> list[int]:
    """Continue in a process that is no child of the agent; return handles of the agent and the Ray node.

    The original process, which Ray knows, exits; the caller waits for the end of the output of the new one.
    """
    if os.getppid() != agent:
        sys.exit("the agent that started this program has ended")
    ray_node = parent_id(agent)
    handles = [os.pidfd_open(agent), os.pidfd_open(ray_node)]
    if os.getppid() != agent or parent_id(agent) != ray_node:
        sys.exit("the agent that started this program has ended")
    if os.fork():
        os._exit(0)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    return handles


def parent_id(process: int) -> int:
    """Return the id of the parent of a process."""
    with open(f"/proc/{process}/stat", "rb") as stream:  # noqa: PTH123 - pathlib takes long to import
        return int(stream.read().rpartition(b")")[2].split()[1])


def report_started(facts: object) -> None:
    """Send facts to the agent, which reads until the end of this program's standard output, and close the streams."""
    sys.stdout.write(json.dumps(facts))
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _wait(handles: Sequence[int], supervisor: int) -> None:
    """Wait until the supervisor or a process of the handles ends, then kill the remaining processes of the job."""
    supervisor_handle = os.pidfd_open(supervisor)
    with selectors.DefaultSelector() as selector:
        for handle in (*handles, supervisor_handle):
            selector.register(handle, selectors.EVENT_READ)
        selector.select()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    terminate_all(0)  # a supervisor that has ended by itself leaves no processes


if __name__ == "__main__":
    main()
