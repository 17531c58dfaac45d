"""What the documentation's back end for Slurm has to do besides what all do."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec
from harness.compute.process_handle import ends
from tests.compute.laboratory import Laboratory
from tests.compute.test_backends import slurm


@pytest.fixture
def laboratory(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    made = Laboratory(slurm(tmp_path, request))
    with closing(made.backend):
        yield made


def test_the_directory_of_a_forgotten_job_stays_until_slurm_has_ended_all_its_processes(
    laboratory: Laboratory, job: Callable[..., JobSpec], tmp_path: Path
) -> None:
    spec = job("sleep 1000", wall_clock=3600.0)
    laboratory.start(spec)
    (slurms_own,) = (int(path.name) for path in (tmp_path / "slurm").iterdir())
    os.kill(slurms_own, signal.SIGSTOP)  # the job cannot end

    try:
        laboratory.backend.terminate(spec.directory)
        laboratory.backend.forget(spec.directory)
        assert spec.directory.exists()
    finally:
        os.kill(slurms_own, signal.SIGCONT)
    laboratory.until_gone(spec.directory)
    assert ends(slurms_own, seconds=60)


def test_the_directory_of_a_forgotten_job_stays_while_slurm_does_not_answer(
    laboratory: Laboratory, job: Callable[..., JobSpec], tmp_path: Path
) -> None:
    spec = job("true")
    laboratory.run(spec)
    squeue = tmp_path / "bin" / "squeue"
    squeue.rename(squeue.with_name("working"))
    squeue.write_text("#!/bin/sh\nexit 1\n")
    squeue.chmod(0o700)

    laboratory.backend.forget(spec.directory)

    assert spec.directory.exists()
    squeue.with_name("working").rename(squeue)
    laboratory.until_gone(spec.directory)
