"""The supervisor, the parent of one job's processes: ``python -I -S supervisor.py JOB_DIRECTORY``.

It is one long file that needs only the standard library: an interpreter without site packages starts it within
milliseconds, and such an interpreter finds no other module of the harness. It outlives the emulator and records the
states of the job in ``state.jsonl``.

Its claim on the directory is a hard link, which can be created only once, to a file that it keeps locked: a claim
without a lock means that its supervisor was killed. As a child subreaper it remains the ancestor of every process of
the job, even of processes that change their session, so it can end them all. If it is killed itself, the kernel kills
its direct children, and the emulator kills the processes that have the job's mark in their environment.
"""

# The import of pathlib alone would take longer than all imports of this file.
# ruff: noqa: PTH101, PTH103, PTH105, PTH108, PTH110, PTH112, PTH114, PTH115, PTH118, PTH120, PTH123, PTH208, PTH211

import contextlib
import ctypes
import datetime
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

GRACE = 2.0  # seconds between SIGTERM and SIGKILL for the processes that a job leaves; the plan may change it
SHORT_GRACE = 0.2  # the same for a job that has failed
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
MOUNT_FAILED = "Unable to mount unmanaged file system"
FAILURES = {
    "mounting": "UnmanagedMountError",
    "image": "FailedStartingContainer",
    "preparation": "JobPreparationFailed",
    "main": "JobFailed",
}
NEVER_STARTED = -1  # the exit code that the service reports for a command that it could not start
CLEANUP_SECONDS = 60.0  # the time limit of a clean-up; the next start of the emulator removes the rest
STATE_BYTES = 8192  # allocated when the job starts, so that its end can be recorded on a full disk
LIBC = ctypes.CDLL(None, use_errno=True)  # loaded at import, so that supervisors forked by the server share it
LIBC.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong)
WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class JobEndError(Exception):
    """The job has ended, with or without an error code, message and details."""

    def __init__(
        self,
        error: str | None = None,
        message: str | None = None,
        exit_code: int | None = None,
        details: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__(error)
        self.error, self.message, self.exit_code, self.details = error, message, exit_code, details


def claim(directory: str) -> int | None:
    """Claim the directory; return the locked descriptor, or None if another supervisor has claimed it."""
    claim_path = os.path.join(directory, f".claim.{os.getpid()}")
    descriptor = os.open(claim_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, str(os.getpid()).encode())
        os.link(claim_path, os.path.join(directory, "claim"))
    except FileExistsError:
        return None
    finally:
        os.unlink(claim_path)
    return descriptor


class StateReporter:
    """Reports the progress of the job to the emulator (``state.jsonl`` and the bell) and the user (``execution.log``).

    All states are lines of one file: one file for each state would cost more disk operations than the rest of a short
    job.
    """

    def __init__(self, directory: str, **state: object) -> None:
        self.directory = directory
        self.logs: list[str] = []
        self.state = state
        self._size = 0
        path = os.path.join(directory, "state.jsonl")
        self._states = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        os.posix_fallocate(self._states, 0, STATE_BYTES)

    def publish(self, **changes: object) -> None:
        """Publish changes of the state."""
        self.state |= changes
        self._write(json.dumps(self.state).encode())
        self._write(b"\n")  # a reader ignores a line without its newline
        with contextlib.suppress(OSError):  # no emulator listens; a later one reads the state first
            bell = os.open(os.path.join(self.directory, "bell"), os.O_WRONLY | os.O_NONBLOCK)
            os.write(bell, b"!")
            os.close(bell)

    def _write(self, text: bytes) -> None:
        while text:
            written = os.pwrite(self._states, text, self._size)
            self._size, text = self._size + written, text[written:]

    def log(self, *texts: str) -> None:
        """Append lines to every execution log."""
        timestamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines = "".join(f"{timestamp} {text}\n" for text in texts).encode()
        for path in self.logs:
            # A log that cannot be written (full disk, share deleted) never fails the job.
            with contextlib.suppress(OSError), os.fdopen(open_output(path, self.directory), "ab") as stream:
                stream.write(lines)


def open_output(path: str, directory: str, *, make: bool = False) -> int:
    """Open an output file of a job to append to it.

    Args:
        path: the file.
        directory: the job directory.
        make: whether missing directories are created.

    Raises:
        OSError: the job has replaced the file by a link or by something else that is no file.
    """
    parent, _, name = path.rpartition("/")
    folder = open_folder(parent, directory, make=make)
    try:
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not block
        return os.open(name, mode, 0o644, dir_fd=folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(folder)


def open_folder(path: str, directory: str, *, make: bool = False) -> int:
    """Open a directory for a job, with the arguments of ``open_output``.

    The storage is next to the directory of the jobs. No part of the path below their common parent may be a link,
    because a job in a container could use a link to reach other files of this machine.
    """
    root = os.path.dirname(os.path.dirname(directory))
    if not path.startswith(f"{root}/"):
        if make:
            os.makedirs(path, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in path[len(root) + 1 :].split("/"):
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=folder)
            child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = child
    except OSError as error:
        os.close(folder)
        raise OSError(error.errno, error.strerror, path) from None
    return folder


def prepare(plan: Mapping[str, Any], directory: str) -> None:
    """Create the directories, small files and mounts of a job. Raises OSError, which names the path."""
    for path in plan["directories"]:
        os.close(open_folder(path, directory, make=True))
    for path, text in plan["files"].items():
        ensure_file(path, text)
    for link, target in plan["links"]:
        if os.path.islink(link) and os.readlink(link) == target:
            continue
        os.makedirs(os.path.dirname(link), exist_ok=True)
        temporary = f"{link}.{os.getpid()}"
        os.symlink(target, temporary)
        os.replace(temporary, link)


def ensure_file(path: str, text: str) -> None:
    """Create a small file unless an earlier job of the node has created it; running jobs never see a partial file."""
    is_program = text.startswith("#!")
    with (
        contextlib.suppress(OSError, UnicodeDecodeError),
        # A job may have replaced the file by a pipe without a writer, which must not block.
        open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as stream,
    ):
        may_run = os.fstat(stream.fileno()).st_mode & 0o700 == 0o700
        if stream.read(len(text) + 1) == text and (may_run or not is_program):
            return
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
    if is_program:
        os.chmod(temporary, 0o700)
    os.replace(temporary, path)


def exec_process(
    execution: Mapping[str, Any], libc: ctypes.CDLL, *, parent: int, streams: tuple[int, int, int]
) -> NoReturn:
    """Execute the program of a process in the forked child."""
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent was killed before the line above
            os._exit(137)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(execution["cwd"])
        os.execve(execution["argv"][0], execution["argv"], execution["environment"])  # noqa: S606 - argv is the plan's
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        os.write(2, f"cannot start {execution['argv'][0]}: {error}\n".encode())
    finally:
        os._exit(127)


def spawn(execution: Mapping[str, Any], libc: ctypes.CDLL, directory: str) -> int:
    """Start a process of a job in a new session; it dies with its supervisor. Return its id."""
    outputs = (open_output(execution["stdout"], directory), open_output(execution["stderr"], directory))
    streams = (open_input(execution.get("stdin", "")), *outputs)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        exec_process(execution, libc, parent=parent, streams=streams)
    for stream in streams:
        os.close(stream)
    return child


def open_input(text: str) -> int:
    """Return a descriptor from which a process reads a text, which may contain secrets: a file in memory."""
    if not text:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "w", encoding="utf-8", closefd=False) as stream:
        stream.write(text)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def descendants(ancestor: int | None = None) -> list[int]:
    """Return the ids of all running descendants of a process, by default this one, from /proc."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        # A process that has just ended has no stat file.
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    descendant_ids, queue = [], [os.getpid() if ancestor is None else ancestor]
    while queue:
        direct = children.get(queue.pop(), [])
        descendant_ids += direct
        queue += direct
    return descendant_ids


def terminate_all(grace: float) -> None:
    """End every process of the job: with SIGTERM, and after ``grace`` seconds with SIGKILL."""
    deadline = time.monotonic() + grace
    terminated: set[int] = set()
    while has_children() and (living := descendants()):
        remaining = deadline - time.monotonic()
        for process in living:
            if remaining > 0 and process in terminated:
                continue
            terminated.add(process)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM if remaining > 0 else signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, min(max(remaining, 0.01), 0.1))
        reap()
    reap()


def has_children() -> bool:
    """Whether any process of the job may be left: each is a descendant of this process, which adopts orphans."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap() -> dict[int, int]:
    """Collect the processes that have ended: {process id: exit code as a shell reports it}."""
    ended: dict[int, int] = {}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        code = os.waitstatus_to_exitcode(status)
        ended[process] = code if code >= 0 else 128 - code


def clean_up(execution: Mapping[str, Any], libc: ctypes.CDLL, reporter: StateReporter) -> None:
    """Run a clean-up process of the job. If it fails, the file ``uncleaned`` reports that to the emulator."""
    remains = execution.get("remains")
    if remains and not (os.path.isdir(remains) and os.listdir(remains)):
        return
    deadline = time.monotonic() + CLEANUP_SECONDS
    try:
        process = spawn(execution, libc, reporter.directory)
        while process not in (ended := reap()):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                os.kill(process, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, max(remaining, 0.1))
        code = str(ended[process])
    except OSError as error:
        code = str(error)
    if code != "0":
        reporter.log(f"clean-up failed ({code}): {last_line(execution['stderr'])}")
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.join(reporter.directory, "uncleaned"), os.O_CREAT | os.O_WRONLY, 0o600))


def read_refusal(execution: Mapping[str, Any]) -> JobEndError | None:
    """Return the error that a process has left because it could not start its command; None if there is none."""
    try:
        with open(execution.get("refusal") or "", encoding="utf-8") as stream:
            refusal = json.load(stream)
    except FileNotFoundError:
        return None
    return JobEndError(refusal["error"], refusal["message"], NEVER_STARTED, refusal.get("details", ()))


def unshare_mounts(libc: ctypes.CDLL) -> None:
    """Enter a mount namespace: later mounts are visible to this job alone, and are unmounted when it ends.

    Only root may mount; another user enters a user namespace in which it is root, if the system allows that.
    """
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)):
        reason = os.strerror(ctypes.get_errno())
        raise JobEndError("UnmanagedMountError", f"{MOUNT_FAILED}: this machine lets the job mount nothing: {reason}")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(text)
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def last_line(path: str) -> str:
    """Return the last line of a file; empty if the file cannot be read."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read().strip().rpartition("\n")[2]
    return ""


class Job:
    """Runs the steps of a plan in order; a failure, a request to stop or the time limit ends it early."""

    def __init__(self, plan: Mapping[str, Any], reporter: StateReporter, libc: ctypes.CDLL) -> None:
        self.plan, self.reporter, self.libc = plan, reporter, libc
        self.stop = os.path.join(reporter.directory, "stop")
        limit = plan["wall_clock"]
        self.deadline = None if limit is None else time.monotonic() + limit

    def run(self) -> int:
        """Run all steps; return 0. Raises JobEndError if the job ends otherwise."""
        for step in self.plan["steps"]:
            self._step(step)
        return 0

    def _step(self, step: Mapping[str, Any]) -> None:
        name = step["name"]
        self._check()
        if name == "mounting":
            unshare_mounts(self.libc)
        leaders = {}
        for execution in step["executions"]:
            process = spawn(execution, self.libc, self.reporter.directory)
            if execution["leads"]:
                leaders[process] = execution
        self.reporter.publish(state="running" if name == "main" else "preparing")
        self.reporter.log(f"{name} started, {len(step['executions'])} process(es)")
        while leaders:
            for process, code in self._wait().items():
                if execution := leaders.pop(process, None):
                    self.reporter.log(f"{name} process ended with exit code {code}")
                    if code != 0 and (refusal := read_refusal(execution)):
                        raise refusal
                    if code != 0:
                        output = last_line(step["executions"][0]["stderr"]) if name == "mounting" else ""
                        raise JobEndError(FAILURES[name], f"{MOUNT_FAILED}: {output}" if output else None, code)

    def _wait(self) -> dict[int, int]:
        ended = reap()
        while not ended:
            self._check()
            remaining = 3600.0 if self.deadline is None else max(0.0, self.deadline - time.monotonic())
            signal.sigtimedwait(WATCHED, remaining)
            ended = reap()
        return ended

    def _check(self) -> None:
        if os.path.exists(self.stop):
            raise JobEndError("JobTerminated")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            limit = f"{self.plan['wall_clock']:g} s"
            raise JobEndError("JobMaxWallClockTimeExceeded", f"Job exceeded its maximum wall clock time of {limit}")


def read_plan(directory: str) -> bytes:
    """Read the plan of a job, and remove its file, which may contain secrets."""
    path = os.path.join(directory, "plan.json")
    with open(path, "rb") as stream:
        plan = stream.read()
    os.unlink(path)
    return plan


def supervise(directory: str, plan_text: bytes = b"") -> None:
    """Run the plan of a job, unless another supervisor does.

    Args:
        directory: the job directory.
        plan_text: the plan; by default it is read from its file.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    lock = claim(directory)
    if lock is None:
        return
    reporter = StateReporter(directory, started=time.time())
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    grace, outcome = GRACE, JobEndError()
    plan: dict[str, Any] = {}
    try:
        plan = json.loads(plan_text or read_plan(directory))
        prepare(plan, directory)
        reporter.logs = plan["logs"]
        reporter.log(*plan["notes"])
        outcome.exit_code = Job(plan, reporter, LIBC).run()
    except JobEndError as ended:
        outcome = ended
        grace = plan.get("grace", GRACE) if ended.error == "JobTerminated" else SHORT_GRACE
    except OSError as error:
        outcome = JobEndError("JobStartFailed", f"Job could not be started: {error}")
    terminate_all(grace)
    for execution in plan.get("cleanup", ()):
        clean_up(execution, LIBC, reporter)
    for link in plan.get("temporary", ()):
        if os.path.islink(link):
            os.unlink(link)
    reporter.log(f"job ended: {outcome.error or 'succeeded'}, exit code {outcome.exit_code}")
    reporter.publish(
        state="finished",
        ended=time.time(),
        exit_code=outcome.exit_code,
        error=outcome.error,
        message=outcome.message,
        details=outcome.details,
    )


if __name__ == "__main__":
    supervise(sys.argv[1])
