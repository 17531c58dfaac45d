"""Forks supervisors: ``python -I -S supervisor_server.py ROOM``, one for an emulator, so that no job waits for Python.

On its standard input is a socket. Each message is a job directory, a NUL and what the job runs, answered with the
process id of its supervisor, or 0 where none could be started. It stands alone, as they do, and knows nothing of any
job: a supervisor reads its plan after the fork. It has no threads, and ends when the other end of the socket is
closed; the supervisors, each in a session of its own, go on.

A supervisor writes its directory over ROOM, so that its command line is as if it had been started by itself.
"""

# Nothing that takes time to import, as pathlib does, and nothing of the harness before this file has found it.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123, PLC0415

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

LONGEST = 1 << 16  # bytes of a message

Supervise = Callable[[str, bytes], None]  # a job directory, and what the job runs


def serve(connection: socket.socket, supervise: Supervise, title: "Title") -> None:
    """Fork a supervisor for each message that comes, until nobody is left who could send one."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    gc.freeze()
    while message := connection.recv(LONGEST):
        try:
            process = os.fork()
        except OSError:
            process = 0
        else:
            if process == 0:
                connection.close()
                directory, _, plan = message.partition(b"\0")
                become(directory, plan, supervise, title)
        connection.send(str(process).encode())


def become(directory: bytes, plan: bytes, supervise: Supervise, title: "Title") -> NoReturn:
    """The supervisor's side of the fork."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        silence = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(silence, number)
        title.write(directory)
        supervise(os.fsdecode(directory), plan)
        status = 0
    except BaseException:  # its last words; one that does its work has none, and needs no file for them
        log = os.open(os.path.join(directory, b"supervisor.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, sys.stderr.fileno())
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


class Title:
    """The last argument of this process, which can be written over.

    Raises:
        OSError: where it is in memory cannot be known.
    """

    def __init__(self) -> None:
        room = os.fsencode(sys.argv[-1])
        with open("/proc/self/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
        self._size = len(room)
        self._place = int(fields[46]) - 1 - self._size  # proc(5) calls the field arg_end
        if self._place <= 0 or ctypes.string_at(self._place, self._size) != room:
            raise OSError("the arguments of this process are not where the system says")

    def write(self, text: bytes) -> None:
        """Show a text that is not longer than the argument."""
        ctypes.memmove(self._place, text.ljust(self._size, b"\0"), self._size)


def main() -> None:
    """Serve on standard input."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from harness.compute.supervisor import supervise

    serve(socket.socket(fileno=os.dup(0)), supervise, Title())


if __name__ == "__main__":
    main()
