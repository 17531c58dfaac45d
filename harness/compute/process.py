"""Jobs as processes of this machine, each under a supervisor that outlives the emulator."""

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
    ask_supervisor_to_end,
    find_supervisor,
    kill_job_processes,
)
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.planning import plan_job, plan_task
from harness.compute.removals import Removals
from harness.compute.supervisors import Supervisors


class ProcessBackend:
    """The back end that needs nothing but this machine; every node of a cluster is this machine.

    Args:
        on_change: called, from another thread, soon after any job has moved.
        machine: what this machine offers to jobs (``find_machine``).
        clock: dates the end of a job whose supervisor was killed.
        host_images: whether jobs that ask for a container image may run without it, on this machine.
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
        self._watcher = ExitWatcher(on_change, self._note_end)
        self._supervisors = Supervisors()
        self._trash = Removals()
        self._forgotten: set[Path] = set()  # by us, while their supervisors end them
        self._unclaimed: set[Path] = set()  # jobs whose supervisor has ended without taking them
        self._finished: dict[Path, Progress] = {}
        self._seen: dict[Path, Progress] = {}  # the last look at each job that is not finished

    def prepare(self, jobs: Path) -> None:
        """Make ready for jobs whose directories are in one directory, so that the first one does not wait for it."""
        self._supervisors.prepare(jobs)

    def plan(self, job: JobSpec) -> Plan:
        """The steps of ``job``.

        Raises:
            ToolkitError: this machine cannot run it, or it asks for an image and may not run without.
        """
        if job.container and not self._host_images:
            image = job.container.image
            text = f"this emulator has no containers, and jobs may not run on the host in place of image {image}"
            raise StartRefusedError("FailedStartingContainer", text, ("imageName", image))
        return plan_job(job, self._machine, by_node=True)

    def plan_task(self, task: TaskSpec) -> Plan:
        """The steps of a node's set-up task."""
        return plan_task(task, self._machine)

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt it where its directory is claimed already.

        Raises:
            OSError: the job directory cannot be written or no process can be started.
        """
        paths = JobPaths(plan.directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not paths.bell.exists():
            os.mkfifo(paths.bell, 0o600)
        if self.adopt(plan.directory):
            return
        if not self._watcher.watch(paths.root, self._supervisors.start(paths, encode_plan(plan))):
            self._note_end(paths.root)

    def adopt(self, directory: Path) -> bool:
        """Watch what was started in ``directory`` before; False where nothing was."""
        paths = JobPaths(directory)
        if not paths.claim.exists():
            return False
        if (holder := find_supervisor(paths)) is not None:
            self._watcher.watch(paths.root, holder)
        return True

    def poll(self, directory: Path) -> Progress:
        """How far the job in ``directory`` is."""
        if directory in self._finished:
            return self._finished[directory]
        if self._watcher.is_quiet(directory) and directory in self._seen:
            return self._seen[directory]
        progress = self._seen[directory] = self._look(directory)
        if progress.state == "finished":
            self._finished[directory] = self._seen.pop(directory)
        return progress

    def _look(self, directory: Path) -> Progress:
        """How far the job in ``directory`` is, by its files and its supervisor."""
        paths = JobPaths(directory)
        progress = read_progress(paths)
        if progress.state != "finished" and paths.claim.exists():
            if (holder := find_supervisor(paths)) is not None:
                # It is not the one that we started where that of a killed emulator was the first.
                self._watcher.watch(directory, holder)
                return progress
            # It may have finished between the two looks: a dead supervisor's last word counts.
            progress = read_progress(paths)
            if progress.state != "finished":
                self._end_remains(directory)
                progress = _lost(paths, progress, self._clock.now())
        elif progress.state == "waiting" and (_last_words(paths) or directory in self._unclaimed):
            with contextlib.suppress(OSError):
                paths.stop.touch()  # another one, of which nobody has heard, must not run it any more
            progress = _lost(paths, progress, self._clock.now())
        return progress

    def terminate(self, directory: Path) -> None:
        """Ask for the end of the job; one that has not started yet will end before it runs anything."""
        paths = JobPaths(directory)
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.stop.touch()
        ask_supervisor_to_end(directory)

    def forget(self, directory: Path) -> None:
        """Remove the job directory; what the job wrote to mounted storage stays (links are not followed).

        That of a job which still runs stays until its supervisor has ended: in there it finds that it is to end.
        """
        self._seen.pop(directory, None)
        self._unclaimed.discard(directory)
        if self._finished.pop(directory, None) is not None:
            self._discard(directory)
            return
        self._forgotten.add(directory)
        self._remove_if_forgotten(directory)

    def _note_end(self, directory: Path) -> None:
        """Note that a supervisor has ended; called from the watcher's thread, too."""
        if directory in self._forgotten:
            self._remove_if_forgotten(directory)
        elif not JobPaths(directory).claim.exists() and directory.exists():
            self._unclaimed.add(directory)

    def _remove_if_forgotten(self, directory: Path) -> None:
        """Remove the directory of a job that was forgotten, or have this called again when its supervisor has ended."""
        with contextlib.suppress(OSError, ValueError):  # the job has broken its bell or its claim
            holder = find_supervisor(JobPaths(directory))
            if holder is not None and self._watcher.watch(directory, holder):
                return
        self._forgotten.discard(directory)
        self._discard(directory)

    def _discard(self, directory: Path) -> None:
        """Remove the directory of a job that has ended; called from the watcher's thread, too."""
        self._trash.remove(directory)

    def _end_remains(self, directory: Path) -> None:
        """End what a killed supervisor left."""
        kill_job_processes(directory)

    def close(self) -> None:
        """Stop watching; jobs continue, and a later back end adopts them."""
        self._watcher.close()
        self._supervisors.close()
        self._trash.close()


def _lost(paths: JobPaths, progress: Progress, now: datetime) -> Progress:
    """The end of a job whose supervisor broke, a full disk for one, or was killed: it ended unseen, so it ends now."""
    words = _last_words(paths)
    code = "JobStartFailed" if words else "JobSupervisorLost"
    message = f"{ERRORS[code]}: {words}" if words else ERRORS[code]
    return dataclasses.replace(progress, state="finished", ended=now, exit_code=None, error=code, message=message)


def _last_words(paths: JobPaths) -> str:
    """The last line that a supervisor printed; one that does its work prints nothing."""
    try:
        return paths.log.read_text(errors="replace").strip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""
