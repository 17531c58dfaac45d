"""What the tests of a back end need of it: to make it, and to wait until it has news."""

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

DEADLOCK = 300.0  # seconds in which nothing becomes of a job, after which a test gives up


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the back end of a test is made; it can be pickled.

    Attributes:
        name: as the catalogue has it.
        directory: stands for the emulator's data directory.
        container: what its jobs ask for.
        environ: variables by which it finds what it needs.
        address: what ``--compute NAME:ADDRESS`` says.
        documented: the class in ``docs/backends.md`` that is the back end; empty for one of the catalogue.
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
        """A back end."""
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
    """A class of the documentation's example, which looks more often than it would for a batch system."""
    text = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    found: dict[str, Any] = {}
    exec(compile(code, "docs/backends.md", "exec", dont_inherit=True), found)
    found[name].pause = 0.02
    return found[name]


class Laboratory:
    """A back end, and the waiting for its news."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._moved = threading.Condition()
        self.backend = recipe.make(self._bell)

    def _bell(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def until(self, directory: Path, wanted: Callable[[Progress], bool]) -> Progress:
        """Wait until the progress of a job is the wanted one."""
        clock, deadline = SystemClock(), 0.0
        seen: Progress | None = None
        with self._moved:
            while not wanted(progress := self.backend.poll(directory)):
                if progress != seen:  # a back end that tries again and again has news each time
                    seen, deadline = progress, clock.monotonic() + DEADLOCK
                left = max(deadline - clock.monotonic(), 0)
                assert self._moved.wait(left), f"nothing becomes of the job, which is {progress}"
        return progress

    def until_gone(self, directory: Path) -> None:
        """Wait until the directory of a job is removed."""
        with self._moved:
            while directory.exists():
                assert self._moved.wait(DEADLOCK), "the back end has had no news, and the directory of the job is there"

    def finish(self, job: JobSpec) -> Progress:
        """Wait for the end of a job."""
        return self.until(job.directory, lambda progress: progress.state == "finished")

    def run(self, job: JobSpec) -> Progress:
        """Run a job to its end."""
        self.backend.start(self.backend.plan(job))
        return self.finish(job)

    def start(self, job: JobSpec, **changes: object) -> Plan:
        """Start a job, and wait until its command runs; ``changes`` replaces fields of its plan."""
        plan = replace(self.backend.plan(job), **changes)
        self.backend.start(plan)
        self.until(job.directory, lambda progress: progress.state in ("running", "finished"))
        return plan
