"""Creates a back end for tests, and waits for the progress of its jobs."""

import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.clock import SystemClock
from harness.compute.backend import Backend, ContainerSpec, JobSpec, Plan, Progress
from harness.compute.catalogue import BackendContext, Images, find_factory
from harness.compute.machine import find_machine

DEADLOCK = 300.0  # seconds without progress of a job, after which a test fails


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the back end of a test is created; it can be pickled.

    Attributes:
        name: its name in the catalogue.
        directory: the directory of jobs.
        container: the container that its jobs request.
        environ: further variables for the back end.
        address: the address in ``--compute NAME:ADDRESS``.
        documented: the class in ``docs/backends.md`` that is the back end; empty for a back end of the catalogue.
        emulator: the id of the emulator.
        images: how jobs that request an image run.
    """

    name: str
    directory: Path
    container: ContainerSpec | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    documented: str = ""
    emulator: str = "3f0c8f5c-0000-4000-8000-000000000001"
    images: Images = field(default_factory=Images)
    address: str = ""

    def make(self, on_change: Callable[[], None]) -> Backend:
        """Create the back end."""
        environ = {**os.environ, **self.environ}
        context = BackendContext(
            on_change=on_change,
            machine=find_machine(environ),
            clock=SystemClock(),
            environ=environ,
            jobs=self.directory,
            emulator=self.emulator,
            images=self.images,
            address=self.address,
        )
        return documented(self.documented)(context) if self.documented else find_factory(self.name)(context)


def documented(name: str) -> Any:
    """Return a class of the documentation's example, which polls more often than it would for a batch system."""
    text = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    namespace: dict[str, Any] = {}
    exec(compile(code, "docs/backends.md", "exec", dont_inherit=True), namespace)
    namespace[name].pause = 0.02
    return namespace[name]


class JobRunner:
    """Runs jobs on a back end, and waits for their progress."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._changed = threading.Condition()
        self.backend = recipe.make(self._notify)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, directory: Path, condition: Callable[[Progress], bool]) -> Progress:
        """Wait until the progress of a job fulfils a condition."""
        clock, deadline = SystemClock(), 0.0
        last_progress: Progress | None = None
        with self._changed:
            while not condition(progress := self.backend.poll(directory)):
                if progress != last_progress:  # a back end that retries calls on_change each time
                    last_progress, deadline = progress, clock.monotonic() + DEADLOCK
                remaining = max(deadline - clock.monotonic(), 0)
                assert self._changed.wait(remaining), f"the job makes no progress: {progress}"
        return progress

    def until_gone(self, directory: Path) -> None:
        """Wait until the directory of a job is removed."""
        with self._changed:
            while directory.exists():
                assert self._changed.wait(DEADLOCK), "the directory of the job still exists"

    def finish(self, job: JobSpec) -> Progress:
        """Wait for the end of a job."""
        return self.until(job.directory, lambda progress: progress.state == "finished")

    def run(self, job: JobSpec) -> Progress:
        """Run a job to its end."""
        self.backend.start(self.backend.plan(job))
        return self.finish(job)

    def start(self, job: JobSpec, **changes: object) -> Plan:
        """Start a job, and wait until its command runs; ``changes`` are new values of fields of its plan."""
        plan = replace(self.backend.plan(job), **changes)
        self.backend.start(plan)
        self.until(job.directory, lambda progress: progress.state in ("running", "finished"))
        return plan
