import dataclasses
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.compute.backend import JobSpec, NodeSpec, Plan, Progress
from harness.compute.machine import find_machine
from harness.compute.process import ProcessBackend
from tests.compute.job_runner import JobRunner, Recipe

TIMEOUT = 300.0  # seconds: far beyond what a busy machine needs


class Jobs:
    """A process back end, and methods that wait for the progress of its jobs."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.backend = ProcessBackend(self._notify, machine=find_machine(os.environ))

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, directory: Path, condition: Callable[[Progress], bool]) -> Progress:
        with self._changed:
            while not condition(progress := self.backend.poll(directory)):
                assert self._changed.wait(TIMEOUT), "the back end never called on_change"
        return progress

    def until_gone(self, directory: Path) -> None:
        with self._changed:
            while directory.exists():
                assert self._changed.wait(TIMEOUT), "the back end never called on_change"

    def run(self, job: JobSpec) -> Progress:
        self.backend.start(self.backend.plan(job))
        return self.finish(job)

    def finish(self, job: JobSpec) -> Progress:
        return self.until(job.directory, lambda progress: progress.state == "finished")

    def start(self, job: JobSpec) -> Plan:
        plan = self.backend.plan(job)
        self.backend.start(plan)
        self.until(job.directory, lambda progress: progress.state == "running")
        return plan


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    process_jobs = Jobs()
    yield process_jobs
    process_jobs.backend.close()


@pytest.fixture
def later_jobs() -> Iterator[Jobs]:
    """A second back end over the same directories, as after a restart."""
    process_jobs = Jobs()
    yield process_jobs
    process_jobs.backend.close()


@pytest.fixture
def runner(recipe: Recipe) -> Iterator[JobRunner]:
    """The back end of the module's own fixture ``recipe``."""
    job_runner = JobRunner(recipe)
    with closing(job_runner.backend):
        yield job_runner


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., JobSpec]:
    """Describe custom-toolkit jobs in a path with a space; keywords replace their fields."""
    root = tmp_path / "a path"
    node = NodeSpec("tvm-1_1-20180607t000000z", "10.0.0.4", root / "node", gpus=1)
    plain = JobSpec(
        name="myjob",
        directory=root / "job",
        nodes=(node,),
        toolkit="customToolkit",
        settings={},
        cluster_mounts=(),
        job_mounts=(),
        stdouterr=root / "share" / "stdouterr",
        inputs={},
        outputs={},
        environment={},
        secrets={},
        preparation=None,
        container=None,
        wall_clock=600.0,
        per_node_logs=False,
    )

    def build(command: str = "true", **changes: Any) -> JobSpec:
        return dataclasses.replace(plain, **{"settings": {"commandLine": command}, **changes})

    return build
