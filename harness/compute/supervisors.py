"""Starts supervisors: forked from a warm process where that works, otherwise one by one."""

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
from harness.compute.supervisor_server import LONGEST

_ENVIRONMENT = {"LANG": "C.UTF-8"}  # nothing of the emulator's, where secrets may be
_PATIENCE = 10.0  # seconds for a fork on a machine that is busy
_ROOM = 64  # bytes that the path of a later job directory may be longer than that of the first


class Supervisors:
    """Starts the supervisors of one emulator, in sessions of their own and with none of its descriptors."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._longest = 0
        self._is_broken = False

    def prepare(self, jobs: Path) -> None:
        """Start the warm process without waiting for it, for job directories in one directory, which is absolute."""
        if self._connection is None and not self._is_broken:
            with contextlib.suppress(OSError):  # the first job tries again
                self._connection = self._open(len(os.fsencode(jobs)) + _ROOM)

    def start(self, paths: JobPaths, plan: bytes) -> int:
        """Start the supervisor of a job directory, which is absolute; its process id.

        Args:
            paths: of the job.
            plan: what it runs. It may hold secrets, and is in no file where the supervisor is forked.

        Raises:
            OSError: no process can be started, or the plan cannot be written.
        """
        return self._forked(os.fsencode(paths.root), plan) or _spawned(paths, plan)

    def close(self) -> None:
        """End the warm process; supervisors continue."""
        if self._connection is None or self._server is None:
            return
        self._connection.close()  # by which it ends
        if not ends(self._server.pid, _PATIENCE):
            self._server.kill()
        self._server.wait()
        self._connection = self._server = None

    def _forked(self, directory: bytes, plan: bytes) -> int:
        """The id of a supervisor that was forked; 0 where that did not work.

        One that was forked although no answer came does no harm: whoever claims the directory first runs the job.
        """
        message = directory + b"\0" + plan
        if self._is_broken or len(message) > LONGEST:
            return 0
        if len(directory) > self._longest:
            self.close()
        try:
            connection = self._connection or self._open(len(directory) + _ROOM)
            connection.send(message)
            if not (answer := connection.recv(32)):
                raise ConnectionResetError
            return int(answer)
        except OSError:
            self._is_broken = True
            if self._server is not None:
                self._server.kill()  # it may be stopped, and would not hear that it is to end
            self.close()
            return 0

    def _open(self, longest: int) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.ExitStack() as stack:
            stack.callback(ours.close)
            self._server = subprocess.Popen(
                [sys.executable, *OPTIONS, str(SERVER), "." * longest],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
            stack.pop_all()
        ours.settimeout(_PATIENCE)
        self._connection, self._longest = ours, longest
        return ours


def _spawned(paths: JobPaths, plan: bytes) -> int:
    write_file(paths.plan, plan)
    return start_logged(supervisor_command(paths.root), _ENVIRONMENT, str(paths.log))
