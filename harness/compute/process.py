"""The back end ``process``: jobs are processes of this machine, each under a supervisor that outlives the emulator."""

import contextlib
import dataclasses
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from harness.clock import Clock, SystemClock
from harness.compute.backend import ERRORS, JobSpec, Plan, Progress, StartRefusedError, TaskSpec
from harness.compute.exit_watcher import ExitWatcher
from harness.compute.job_files import encode_plan, read_progress
from harness.compute.job_processes import (
    find_supervisor,
    kill_job_processes,
    terminate_supervisor,
)
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.planning import plan_job, plan_task
from harness.compute.removals import Removals
from harness.compute.supervisors import Supervisors


class ProcessBackend:
    """The back end that needs only this machine; every node of a cluster is this machine.

    Args:
        on_change: called, from another thread, soon after the progress of any job has changed.
        machine: the parts of this machine that jobs may use (``find_machine``).
        clock: provides the end time of a job whose supervisor was killed.
        host_images: whether jobs that request a container image may run on this machine without it.
    """

    name = "process"

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        machine: Machine,
        clock: Clock | None = None,
        host_images: bool = True,
    ) -> None:
        self._machine = machine
        self._host_images = host_images
        self._clock = clock or SystemClock()
        self._watcher = ExitWatcher(on_change, self._handle_exit)
        self._supervisors = Supervisors()
        self._directory_removals = Removals()
        self._forgotten: set[Path] = set()  # jobs that were forgotten while their supervisors still run
        self._unclaimed: set[Path] = set()  # jobs whose supervisor has ended without claiming them
        self._finished: dict[Path, Progress] = {}
        self._last_progress: dict[Path, Progress] = {}  # of each unfinished job

    def prepare(self, jobs: Path) -> None:
        """Start the supervisor server for job directories in ``jobs``, so that the first job does not wait for it."""
        self._supervisors.prepare(jobs)

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan of a job.

        Raises:
            ToolkitError: this machine cannot run the job, or the job requests an image and may not run without it.
        """
        if job.container and not self._host_images:
            image = job.container.image
            text = f"this emulator has no containers, and jobs may not run on the host in place of image {image}"
            raise StartRefusedError("FailedStartingContainer", text, ("imageName", image))
        return plan_job(job, self._machine, by_node=True)

    def plan_task(self, task: TaskSpec) -> Plan:
        """Return the plan of a node's set-up task."""
        return plan_task(task, self._machine)

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt its job if the directory is already claimed.

        Raises:
            OSError: the job directory cannot be written, or no process can be started.
        """
        paths = JobPaths(plan.directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not paths.bell.exists():
            os.mkfifo(paths.bell, 0o600)
        if self.adopt(plan.directory):
            return
        if not self._watcher.watch(paths.root, self._supervisors.start(paths, encode_plan(plan))):
            self._handle_exit(paths.root)

    def adopt(self, directory: Path) -> bool:
        """Watch the job that was started in ``directory`` earlier; return False if there is none."""
        paths = JobPaths(directory)
        if not paths.claim.exists():
            return False
        if (holder := find_supervisor(paths)) is not None:
            self._watcher.watch(paths.root, holder)
        return True

    def poll(self, directory: Path) -> Progress:
        """Return the progress of the job in ``directory``."""
        if directory in self._finished:
            return self._finished[directory]
        if self._watcher.is_quiet(directory) and directory in self._last_progress:
            return self._last_progress[directory]
        progress = self._last_progress[directory] = self._read_progress(directory)
        if progress.state == "finished":
            self._finished[directory] = self._last_progress.pop(directory)
        return progress

    def _read_progress(self, directory: Path) -> Progress:
        """Determine the progress of the job in ``directory`` from its files and its supervisor."""
        paths = JobPaths(directory)
        progress = read_progress(paths)
        if progress.state != "finished" and paths.claim.exists():
            if (holder := find_supervisor(paths)) is not None:
                # It may be the supervisor of a killed emulator, which claimed the job before ours did.
                self._watcher.watch(directory, holder)
                return progress
            # The supervisor may have finished between both reads, so its last state has to be read again.
            progress = read_progress(paths)
            if progress.state != "finished":
                self._kill_remaining(directory)
                progress = _lost_progress(paths, progress, self._clock.now())
        elif progress.state == "waiting" and (_last_log_line(paths) or directory in self._unclaimed):
            with contextlib.suppress(OSError):
                paths.stop.touch()  # a supervisor that is still starting must not run the job any more
            progress = _lost_progress(paths, progress, self._clock.now())
        return progress

    def terminate(self, directory: Path) -> None:
        """Request the end of the job; a job that has not started yet ends before it runs anything."""
        paths = JobPaths(directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.stop.touch()
        terminate_supervisor(directory)

    def forget(self, directory: Path) -> None:
        """Remove the job directory; files on mounted storage stay, since links are not followed.

        The directory of a running job is removed after its supervisor has ended, because the supervisor looks there for
        the request to end.
        """
        self._last_progress.pop(directory, None)
        self._unclaimed.discard(directory)
        if self._finished.pop(directory, None) is not None:
            self._discard(directory)
            return
        self._forgotten.add(directory)
        self._remove_if_forgotten(directory)

    def _handle_exit(self, directory: Path) -> None:
        """Handle the end of a supervisor; the watcher's thread calls this too."""
        if directory in self._forgotten:
            self._remove_if_forgotten(directory)
        elif not JobPaths(directory).claim.exists() and directory.exists():
            self._unclaimed.add(directory)

    def _remove_if_forgotten(self, directory: Path) -> None:
        """Remove the directory of a forgotten job now, or when its supervisor has ended."""
        with contextlib.suppress(OSError, ValueError):  # the job has damaged its bell or its claim
            holder = find_supervisor(JobPaths(directory))
            if holder is not None and self._watcher.watch(directory, holder):
                return
        self._forgotten.discard(directory)
        self._discard(directory)

    def _discard(self, directory: Path) -> None:
        """Remove the directory of a job that has ended; the watcher's thread calls this too."""
        self._directory_removals.remove(directory)

    def _kill_remaining(self, directory: Path) -> None:
        """Kill the processes that a killed supervisor has left."""
        kill_job_processes(directory)

    def close(self) -> None:
        """Stop watching; jobs continue, and a later back end adopts them."""
        self._watcher.close()
        self._supervisors.close()
        self._directory_removals.close()


def _lost_progress(paths: JobPaths, progress: Progress, now: datetime) -> Progress:
    """Return the final progress of a job whose supervisor failed (a full disk, for example) or was killed.

    The time at which it ended is unknown, so ``now`` is used.
    """
    line = _last_log_line(paths)
    code = "JobStartFailed" if line else "JobSupervisorLost"
    message = f"{ERRORS[code]}: {line}" if line else ERRORS[code]
    return dataclasses.replace(progress, state="finished", ended=now, exit_code=None, error=code, message=message)


def _last_log_line(paths: JobPaths) -> str:
    """Return the last line that a supervisor printed; empty unless it failed."""
    try:
        return paths.log.read_text(errors="replace").strip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""
