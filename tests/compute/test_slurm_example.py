"""The behaviour that only the documentation's back end for Slurm must have."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec
from harness.compute.process_handle import ends
from tests.compute.job_runner import JobRunner
from tests.compute.test_backends import slurm


@pytest.fixture
def runner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[JobRunner]:
    slurm_runner = JobRunner(slurm(tmp_path, request))
    with closing(slurm_runner.backend):
        yield slurm_runner


def test_the_directory_of_a_forgotten_job_stays_until_slurm_has_ended_all_its_processes(
    runner: JobRunner, job: Callable[..., JobSpec], tmp_path: Path
) -> None:
    spec = job("sleep 1000", wall_clock=3600.0)
    runner.start(spec)
    (keeper,) = (int(path.name) for path in (tmp_path / "slurm").iterdir())
    os.kill(keeper, signal.SIGSTOP)  # the job cannot end

    try:
        runner.backend.terminate(spec.directory)
        runner.backend.forget(spec.directory)
        assert spec.directory.exists()
    finally:
        os.kill(keeper, signal.SIGCONT)
    runner.until_gone(spec.directory)
    assert ends(keeper, seconds=60)


def test_the_directory_of_a_forgotten_job_stays_while_slurm_does_not_answer(
    runner: JobRunner, job: Callable[..., JobSpec], tmp_path: Path
) -> None:
    spec = job("true")
    runner.run(spec)
    squeue = tmp_path / "bin" / "squeue"
    squeue.rename(squeue.with_name("working"))
    squeue.write_text("#!/bin/sh\nexit 1\n")
    squeue.chmod(0o700)

    runner.backend.forget(spec.directory)

    assert spec.directory.exists()
    squeue.with_name("working").rename(squeue)
    runner.until_gone(spec.directory)
