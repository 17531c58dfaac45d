"""A substitute for ``sbatch``, ``squeue`` and ``scancel``; the first argument is the name of the command.

Every job starts at once, as a child of a keeper process, the substitute for Slurm's daemon on a node. The keeper is a
subreaper, so it adopts the job's orphans, and ends when it has no children left. It locks a file with the job's name.
"""

import argparse
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_SET_CHILD_SUBREAPER = 36  # man 2 prctl


def jobs_directory() -> Path:
    """The directory of the files of jobs."""
    return Path(os.environ["SLURM_JOBS"])


def submit(name: str, output: str, wrap: str) -> None:
    """Start a job, and print its id."""
    ready, started = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.setsid()
        keep(name, output, wrap, started)
        os._exit(0)
    os.close(started)
    os.read(ready, 1)
    print(keeper)  # noqa: T201 - what sbatch --parsable does


def keep(name: str, output: str, wrap: str, started: int) -> None:
    """Run a job until no process of it is left."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    file = (jobs_directory() / str(os.getpid())).open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    with Path(output).open("wb") as log:
        batch = subprocess.Popen(["/bin/sh", "-c", f"exec {wrap}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    is_cancelled = False

    def cancel(*_: object) -> None:
        nonlocal is_cancelled
        is_cancelled = True
        kill_all()

    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGUSR1, lambda *_: batch.terminate())
    print(name, end="", file=file, flush=True)
    for stream in (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno(), started):
        os.close(stream)  # a reader of sbatch's output must not wait for the job
    while True:
        try:
            ended, status = os.wait()
        except ChildProcessError:
            return
        if ended == batch.pid:
            batch.returncode = os.waitstatus_to_exitcode(status)  # so that a process with the same id gets no signals
        if is_cancelled:
            kill_all()


def kill_all() -> None:
    for child in psutil.Process().children(recursive=True):
        child.kill()


def jobs(name: str) -> Iterator[int]:
    """Return the ids of the jobs of a name that still have processes."""
    for path in jobs_directory().iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if file.read() == name:
                    yield int(path.name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["sbatch", "squeue", "scancel"])
    parser.add_argument("--name", "--job-name", default="")
    parser.add_argument("--signal", default="")
    parser.add_argument("--output", default=os.devnull)
    parser.add_argument("--wrap", default="true")
    for ignored in ("--parsable", "--no-requeue", "--noheader", "--batch"):
        parser.add_argument(ignored, action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "sbatch":
        submit(arguments.name, arguments.output, arguments.wrap)
    for job in jobs(arguments.name) if arguments.command != "sbatch" else ():
        if arguments.command == "squeue":
            print(job)  # noqa: T201 - what squeue does
        else:
            os.kill(job, signal.SIGUSR1 if arguments.signal else signal.SIGTERM)


if __name__ == "__main__":
    main()
