"""The choice of the back end of a job, also after a restart."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec
from harness.compute.catalogue import backend_names, parse_compute
from harness.compute.paths import JobPaths
from harness.compute.routing import RoutingBackend
from harness.errors import ToolkitError
from tests.compute.job_runner import JobRunner, Recipe

Build = Callable[..., JobSpec]


class Backends:
    """Creates process back ends under any name, and records them."""

    def __init__(self, directory: Path) -> None:
        self.runners: dict[str, JobRunner] = {}
        self._directory = directory

    def make(self, name: str) -> object:
        self.runners[name] = JobRunner(Recipe("process", self._directory))
        return self.runners[name].backend

    def close(self) -> None:
        for runner in self.runners.values():
            runner.backend.close()


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[Backends]:
    process_backends = Backends(tmp_path)
    yield process_backends
    process_backends.close()


def test_a_job_runs_on_the_back_end_of_its_cluster(backends: Backends, job: Build) -> None:
    routing, spec = RoutingBackend("first", backends.make), job("true", compute="second:there")

    routing.start(routing.plan(spec))
    progress = backends.runners["second:there"].finish(spec)

    assert progress == routing.poll(spec.directory)
    assert list(backends.runners) == ["second:there"]
    assert JobPaths(spec.directory).backend.read_text() == "second:there"


def test_a_cluster_that_requests_no_back_end_gets_the_emulators_default(backends: Backends, job: Build) -> None:
    routing, spec = RoutingBackend("first", backends.make), job("true")

    routing.start(routing.plan(spec))

    assert list(backends.runners) == ["first"]
    backends.runners["first"].finish(spec)


def test_a_restarted_emulator_with_another_default_finds_the_back_end_of_a_job(
    backends: Backends, job: Build, tmp_path: Path
) -> None:
    spec = job("true")
    first = RoutingBackend("first", backends.make)
    first.start(first.plan(spec))
    backends.runners["first"].finish(spec)

    later = RoutingBackend("other", backends.make)

    assert later.adopt(spec.directory)
    assert later.poll(spec.directory).exit_code == 0
    assert list(backends.runners) == ["first"]


def test_jobs_of_versions_without_back_ends_are_processes(backends: Backends, job: Build) -> None:
    spec = job("true")
    JobRunner(Recipe("process", spec.directory.parent)).run(spec)

    assert RoutingBackend("other", backends.make).adopt(spec.directory)
    assert list(backends.runners) == ["process"]


def test_an_unknown_back_end_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(ToolkitError, match=r"no compute back end 'slurm'; there are process"):
        parse_compute("slurm:head-node")


def test_an_address_follows_the_colon() -> None:
    assert parse_compute("ray:10.0.0.1:6379") == ("ray", "10.0.0.1:6379")
    assert "process" in backend_names()


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("process:gpu-box", "it runs jobs on this machine"), ("container:tcp://engine:2375", "DOCKER_HOST may name")],
)
def test_an_address_that_would_be_ignored_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(ToolkitError, match=rf"takes no address, found '{text.partition(':')[2]}': .*{remedy}"):
        parse_compute(text)
