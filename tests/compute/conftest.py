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
from tests.compute.laboratory import Laboratory, Recipe

PATIENCE = 300.0  # seconds: far beyond what a busy machine needs


class Jobs:
    """A back end, and the waiting for its calls."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self.backend = ProcessBackend(self._bell, machine=find_machine(os.environ))

    def _bell(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def until(self, directory: Path, wanted: Callable[[Progress], bool]) -> Progress:
        with self._moved:
            while not wanted(progress := self.backend.poll(directory)):
                assert self._moved.wait(PATIENCE), "the bell never rang"
        return progress

    def until_gone(self, directory: Path) -> None:
        with self._moved:
            while directory.exists():
                assert self._moved.wait(PATIENCE), "the bell never rang"

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
    made = Jobs()
    yield made
    made.backend.close()


@pytest.fixture
def later_jobs() -> Iterator[Jobs]:
    """A second back end over the same directories, as after a restart."""
    made = Jobs()
    yield made
    made.backend.close()


@pytest.fixture
def laboratory(recipe: Recipe) -> Iterator[Laboratory]:
    """The back end of the module's own fixture ``recipe``."""
    made = Laboratory(recipe)
    with closing(made.backend):
        yield made


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., JobSpec]:
    """A custom-toolkit job in a path with a space; keywords replace its fields."""
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
