"""The parent of one job's processes: ``python -I -S supervisor.py JOB_DIRECTORY``.

It is one file, however long, and needs only the standard library: a bare interpreter without site packages runs it, in
milliseconds for each job, and such an interpreter finds no other module of the harness. It outlives the emulator and
leaves what happened in ``state.jsonl``.

Its claim on the directory is a hard link, hence exclusive, to a file that it holds locked: a claim without a lock
means that its supervisor was killed. As a child subreaper it stays the ancestor of every process of the job, also of
those that change their session, so it can end them all. If it is killed itself, the kernel kills its direct children,
and the emulator kills the processes that carry the job's mark in their environment.
"""

# pathlib alone would take longer to import than everything here.
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

GRACE = 2.0  # seconds between SIGTERM and SIGKILL of what a job leaves; of one that is terminated, its plan says
HURRY = 0.2  # the same for a job that has failed
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
UNMOUNTABLE = "Unable to mount unmanaged file system"
FAILURES = {
    "mounting": "UnmanagedMountError",
    "image": "FailedStartingContainer",
    "preparation": "JobPreparationFailed",
    "main": "JobFailed",
}
NEVER_STARTED = -1  # the exit code that the service reports of what it could not start
CLEANUP_SECONDS = 60.0  # after which a clean-up is given up; what is left is removed when the emulator starts next
STATE_BYTES = 8192  # of the disk, taken when the job starts, so that its end can be recorded on a full one
LIBC = ctypes.CDLL(None, use_errno=True)  # here, since those that the server forks share it
LIBC.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong)
WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class JobEndError(Exception):
    """The job is over: with an error code, message and details, or without."""

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
    """Take the directory, or return None where another supervisor has it. The descriptor holds the lock."""
    mine = os.path.join(directory, f".claim.{os.getpid()}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, str(os.getpid()).encode())
        os.link(mine, os.path.join(directory, "claim"))
    except FileExistsError:
        return None
    finally:
        os.unlink(mine)
    return descriptor


class Journal:
    """Tells the emulator (``state.jsonl`` and the bell) and the user (``execution.log``) how far the job is.

    Each state is a line behind the earlier ones: a file for each would cost the disk more than all that a short job
    does otherwise.
    """

    def __init__(self, directory: str, **state: object) -> None:
        self.directory = directory
        self.logs: list[str] = []
        self.state = state
        self._size = 0
        path = os.path.join(directory, "state.jsonl")
        self._states = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        os.posix_fallocate(self._states, 0, STATE_BYTES)

    def tell(self, **changes: object) -> None:
        """Publish changes of the state."""
        self.state |= changes
        self._write(json.dumps(self.state).encode())
        self._write(b"\n")  # who reads a line without it reads half a line
        with contextlib.suppress(OSError):  # nobody listens; who starts to, reads the state first
            bell = os.open(os.path.join(self.directory, "bell"), os.O_WRONLY | os.O_NONBLOCK)
            os.write(bell, b"!")
            os.close(bell)

    def _write(self, text: bytes) -> None:
        while text:
            written = os.pwrite(self._states, text, self._size)
            self._size, text = self._size + written, text[written:]

    def log(self, *texts: str) -> None:
        """Add lines to every execution log."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines = "".join(f"{moment} {text}\n" for text in texts).encode()
        for path in self.logs:
            # A log that cannot be written (full disk, share deleted) never fails the job.
            with contextlib.suppress(OSError), os.fdopen(open_output(path, self.directory), "ab") as stream:
                stream.write(lines)


def open_output(path: str, directory: str, *, make: bool = False) -> int:
    """Open a file to append to, for the job of a directory.

    Args:
        make: create missing directories.

    Raises:
        OSError: the job has put a link, or anything but a file, in its place.
    """
    above, _, name = path.rpartition("/")
    folder = open_folder(above, directory, make=make)
    try:
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not block
        return os.open(name, mode, 0o644, dir_fd=folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(folder)


def open_folder(path: str, directory: str, *, make: bool = False) -> int:
    """Open a directory for the job of a directory, as ``open_output`` opens a file.

    Storage is beside the job directories, so no step below the directory of both may be a link: a job in a container
    would reach files of this machine by it.
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
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
    except OSError as error:
        os.close(folder)
        raise OSError(error.errno, error.strerror, path) from None
    return folder


def prepare(plan: Mapping[str, Any], directory: str) -> None:
    """Make the directories, small files and mounts of a job. Every mistake is an OSError that names the path."""
    for path in plan["directories"]:
        os.close(open_folder(path, directory, make=True))
    for path, text in plan["files"].items():
        keep_file(path, text)
    for place, target in plan["links"]:
        if os.path.islink(place) and os.readlink(place) == target:
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        beside = f"{place}.{os.getpid()}"
        os.symlink(target, beside)
        os.replace(beside, place)


def keep_file(path: str, text: str) -> None:
    """Have a small file there, which the jobs before on the same node may have made; one that runs sees it whole."""
    is_program = text.startswith("#!")
    with (
        contextlib.suppress(OSError, UnicodeDecodeError),
        # What a job has put in its place may be a pipe, which nobody writes to.
        open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as stream,
    ):
        may_run = os.fstat(stream.fileno()).st_mode & 0o700 == 0o700
        if stream.read(len(text) + 1) == text and (may_run or not is_program):
            return
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write(text)
    if is_program:
        os.chmod(beside, 0o700)
    os.replace(beside, path)


def become(execution: Mapping[str, Any], libc: ctypes.CDLL, *, parent: int, streams: tuple[int, int, int]) -> NoReturn:
    """The child's side of ``spawn``."""
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed before the line above
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
    """Start one process of the job of a directory, in a session of its own; it dies with its supervisor. Its id."""
    outputs = (open_output(execution["stdout"], directory), open_output(execution["stderr"], directory))
    streams = (open_input(execution.get("stdin", "")), *outputs)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        become(execution, libc, parent=parent, streams=streams)
    for stream in streams:
        os.close(stream)
    return child


def open_input(text: str) -> int:
    """A descriptor from which a process reads a text: a file in memory alone, since secrets may be in it."""
    if not text:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "w", encoding="utf-8", closefd=False) as stream:
        stream.write(text)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def descendants(ancestor: int | None = None) -> list[int]:
    """Ids of all living processes below one, this one where none is named, from /proc."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        # What is not a process, or has just ended, has no stat to read.
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found, queue = [], [os.getpid() if ancestor is None else ancestor]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def end_all(grace: float) -> None:
    """End every process of the job: politely, then, after ``grace`` seconds, not."""
    deadline = time.monotonic() + grace
    polite: set[int] = set()
    while has_children() and (living := descendants()):
        left = deadline - time.monotonic()
        for process in living:
            if left > 0 and process in polite:
                continue
            polite.add(process)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM if left > 0 else signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, min(max(left, 0.01), 0.1))
        reap()
    reap()


def has_children() -> bool:
    """Whether any process of the job may be left: each is below a child of this one, or comes to it as an orphan."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap() -> dict[int, int]:
    """Collect what has ended: {process id: exit code as a shell reports it}."""
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


def clean_up(execution: Mapping[str, Any], libc: ctypes.CDLL, journal: Journal) -> None:
    """Run what removes the rest of a job. Where it fails, the file ``uncleaned`` says so to the emulator."""
    remains = execution.get("remains")
    if remains and not (os.path.isdir(remains) and os.listdir(remains)):
        return
    deadline = time.monotonic() + CLEANUP_SECONDS
    try:
        process = spawn(execution, libc, journal.directory)
        while process not in (ended := reap()):
            left = deadline - time.monotonic()
            if left <= 0:
                os.kill(process, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, max(left, 0.1))
        code = str(ended[process])
    except OSError as error:
        code = str(error)
    if code != "0":
        journal.log(f"clean-up failed ({code}): {last_line(execution['stderr'])}")
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.join(journal.directory, "uncleaned"), os.O_CREAT | os.O_WRONLY, 0o600))


def refusal_of(execution: Mapping[str, Any]) -> JobEndError | None:
    """Why the command that a process should have started never ran; None where it did."""
    try:
        with open(execution.get("refusal") or "", encoding="utf-8") as stream:
            refusal = json.load(stream)
    except FileNotFoundError:
        return None
    return JobEndError(refusal["error"], refusal["message"], NEVER_STARTED, refusal.get("details", ()))


def leave_mounts(libc: ctypes.CDLL) -> None:
    """From here on, what is mounted is seen by this job alone, and unmounted when it ends.

    Only root may mount; a user is given a namespace in which it is root, where the system allows that.
    """
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)):
        reason = os.strerror(ctypes.get_errno())
        raise JobEndError("UnmanagedMountError", f"{UNMOUNTABLE}: this machine lets the job mount nothing: {reason}")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(text)
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def last_line(path: str) -> str:
    """Of a file, as far as it can be read."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read().strip().rpartition("\n")[2]
    return ""


class Job:
    """A plan being run: its steps in order, ended early by a failure, a request to stop, or the time limit."""

    def __init__(self, plan: Mapping[str, Any], journal: Journal, libc: ctypes.CDLL) -> None:
        self.plan, self.journal, self.libc = plan, journal, libc
        self.stop = os.path.join(journal.directory, "stop")
        limit = plan["wall_clock"]
        self.deadline = None if limit is None else time.monotonic() + limit

    def run(self) -> int:
        """Zero, or a JobEndError that says how the job ended."""
        for step in self.plan["steps"]:
            self._step(step)
        return 0

    def _step(self, step: Mapping[str, Any]) -> None:
        name = step["name"]
        self._check()
        if name == "mounting":
            leave_mounts(self.libc)
        leaders = {}
        for execution in step["executions"]:
            process = spawn(execution, self.libc, self.journal.directory)
            if execution["leads"]:
                leaders[process] = execution
        self.journal.tell(state="running" if name == "main" else "preparing")
        self.journal.log(f"{name} started, {len(step['executions'])} process(es)")
        while leaders:
            for process, code in self._wait().items():
                if execution := leaders.pop(process, None):
                    self.journal.log(f"{name} process ended with exit code {code}")
                    if code != 0 and (refusal := refusal_of(execution)):
                        raise refusal
                    if code != 0:
                        words = last_line(step["executions"][0]["stderr"]) if name == "mounting" else ""
                        raise JobEndError(FAILURES[name], f"{UNMOUNTABLE}: {words}" if words else None, code)

    def _wait(self) -> dict[int, int]:
        ended = reap()
        while not ended:
            self._check()
            left = 3600.0 if self.deadline is None else max(0.0, self.deadline - time.monotonic())
            signal.sigtimedwait(WATCHED, left)
            ended = reap()
        return ended

    def _check(self) -> None:
        if os.path.exists(self.stop):
            raise JobEndError("JobTerminated")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            limit = f"{self.plan['wall_clock']:g} s"
            raise JobEndError("JobMaxWallClockTimeExceeded", f"Job exceeded its maximum wall clock time of {limit}")


def read_plan(directory: str) -> bytes:
    """What a job runs, of its file, which is removed: there may be secrets in it."""
    path = os.path.join(directory, "plan.json")
    with open(path, "rb") as stream:
        plan = stream.read()
    os.unlink(path)
    return plan


def supervise(directory: str, given: bytes = b"") -> None:
    """Run the plan of ``directory`` unless somebody else does.

    Args:
        directory: of the job.
        given: the plan; by default it is in a file.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    lock = claim(directory)
    if lock is None:
        return
    journal = Journal(directory, started=time.time())
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    grace, outcome = GRACE, JobEndError()
    plan: dict[str, Any] = {}
    try:
        plan = json.loads(given or read_plan(directory))
        prepare(plan, directory)
        journal.logs = plan["logs"]
        journal.log(*plan["notes"])
        outcome.exit_code = Job(plan, journal, LIBC).run()
    except JobEndError as ended:
        outcome = ended
        grace = plan.get("grace", GRACE) if ended.error == "JobTerminated" else HURRY
    except OSError as error:
        outcome = JobEndError("JobStartFailed", f"Job could not be started: {error}")
    end_all(grace)
    for execution in plan.get("cleanup", ()):
        clean_up(execution, LIBC, journal)
    for place in plan.get("temporary", ()):
        if os.path.islink(place):
            os.unlink(place)
    journal.log(f"job ended: {outcome.error or 'succeeded'}, exit code {outcome.exit_code}")
    journal.tell(
        state="finished",
        ended=time.time(),
        exit_code=outcome.exit_code,
        error=outcome.error,
        message=outcome.message,
        details=outcome.details,
    )


if __name__ == "__main__":
    supervise(sys.argv[1])
