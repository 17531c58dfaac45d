"""Forks supervisors, so that no job waits for the start of Python: ``python -I -S supervisor_server.py TITLE``.

An emulator has one such server. Its standard input is a socket. Each message consists of a job directory, a NUL and the
plan; the reply is the process id of the supervisor, or 0 if none could be started. Like a supervisor the server needs
only the standard library. It parses no plan, since a supervisor does that after the fork, and has no threads. It ends
when the other end of the socket is closed; the supervisors, each in its own session, continue.

A supervisor overwrites TITLE with its directory, so that its command line is the same as if it had been started alone.
"""

# Slow imports such as pathlib are avoided; the harness can be imported only after ``main`` has set the search path.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123, PLC0415

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

MAX_MESSAGE_BYTES = 1 << 16

Supervise = Callable[[str, bytes], None]  # takes a job directory and a plan


def serve(connection: socket.socket, supervise: Supervise, title: "Title") -> None:
    """Fork a supervisor for each message, until the other end of the connection is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the supervisors
    gc.freeze()
    while message := connection.recv(MAX_MESSAGE_BYTES):
        try:
            process = os.fork()
        except OSError:
            process = 0
        else:
            if process == 0:
                connection.close()
                directory, _, plan = message.partition(b"\0")
                run_supervisor(directory, plan, supervise, title)
        connection.send(str(process).encode())


def run_supervisor(directory: bytes, plan: bytes, supervise: Supervise, title: "Title") -> NoReturn:
    """Run a supervisor in the forked process."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        title.write(directory)
        supervise(os.fsdecode(directory), plan)
        status = 0
    except BaseException:  # the log is opened here, because a supervisor that succeeds needs none
        log = os.open(os.path.join(directory, b"supervisor.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, sys.stderr.fileno())
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


class Title:
    """The last argument of this process, which can be overwritten.

    Raises:
        OSError: its address in memory cannot be determined.
    """

    def __init__(self) -> None:
        argument = os.fsencode(sys.argv[-1])
        with open("/proc/self/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
        self._size = len(argument)
        self._address = int(fields[46]) - 1 - self._size  # proc(5) calls the field arg_end
        if self._address <= 0 or ctypes.string_at(self._address, self._size) != argument:
            raise OSError("the arguments of this process are not where the system says")

    def write(self, text: bytes) -> None:
        """Overwrite the argument with a text that is not longer."""
        ctypes.memmove(self._address, text.ljust(self._size, b"\0"), self._size)


def main() -> None:
    """Serve the socket on standard input."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from harness.compute.supervisor import supervise

    serve(socket.socket(fileno=os.dup(0)), supervise, Title())


if __name__ == "__main__":
    main()
