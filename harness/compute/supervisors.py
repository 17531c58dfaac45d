"""Starts supervisors: they are forked from a running server if possible, otherwise started one by one."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from harness.atomic_file import write_file
from harness.compute.job_processes import OPTIONS, SERVER, supervisor_command
from harness.compute.logged_process import start_logged
from harness.compute.paths import JobPaths
from harness.compute.process_handle import ends
from harness.compute.supervisor_server import MAX_MESSAGE_BYTES

_ENVIRONMENT = {"LANG": "C.UTF-8"}  # none of the emulator's variables, which may contain secrets
_TIMEOUT = 10.0  # seconds for a fork, enough on a busy machine
_SPARE_BYTES = 64  # a later job directory may have a path that is longer by this number of bytes


class Supervisors:
    """Starts the supervisors of one emulator, each in a new session and with none of the emulator's descriptors."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._title_bytes = 0
        self._is_broken = False

    def prepare(self, jobs: Path) -> None:
        """Start the server, without waiting for it, for job directories in one absolute directory."""
        if self._connection is None and not self._is_broken:
            with contextlib.suppress(OSError):  # the first job tries again
                self._connection = self._open(len(os.fsencode(jobs)) + _SPARE_BYTES)

    def start(self, paths: JobPaths, plan: bytes) -> int:
        """Start the supervisor of an absolute job directory; return its process id.

        Args:
            paths: the paths of the job.
            plan: the encoded plan. It may contain secrets, so it is written to a file only if the fork fails.

        Raises:
            OSError: no process can be started, or the plan cannot be written.
        """
        return self._fork(os.fsencode(paths.root), plan) or _spawn(paths, plan)

    def close(self) -> None:
        """End the server; supervisors continue."""
        if self._connection is None or self._server is None:
            return
        self._connection.close()  # the server ends when its connection is closed
        if not ends(self._server.pid, _TIMEOUT):
            self._server.kill()
        self._server.wait()
        self._connection = self._server = None

    def _fork(self, directory: bytes, plan: bytes) -> int:
        """Fork a supervisor; return its process id, or 0 if that failed.

        A supervisor that was forked without a reply does no harm: the first one to claim the directory runs the job.
        """
        message = directory + b"\0" + plan
        if self._is_broken or len(message) > MAX_MESSAGE_BYTES:
            return 0
        if len(directory) > self._title_bytes:
            self.close()
        try:
            connection = self._connection or self._open(len(directory) + _SPARE_BYTES)
            connection.send(message)
            if not (reply := connection.recv(32)):
                raise ConnectionResetError
            return int(reply)
        except OSError:
            self._is_broken = True
            if self._server is not None:
                self._server.kill()  # a stopped server would not notice that its connection is closed
            self.close()
            return 0

    def _open(self, title_bytes: int) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.ExitStack() as stack:
            stack.callback(ours.close)
            self._server = subprocess.Popen(
                [sys.executable, *OPTIONS, str(SERVER), "." * title_bytes],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
            stack.pop_all()
        ours.settimeout(_TIMEOUT)
        self._connection, self._title_bytes = ours, title_bytes
        return ours


def _spawn(paths: JobPaths, plan: bytes) -> int:
    write_file(paths.plan, plan)
    return start_logged(supervisor_command(paths.root), _ENVIRONMENT, str(paths.log))
