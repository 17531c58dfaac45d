"""Images of a registry that requires a password."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compute.backend import ContainerSpec, JobSpec
from tests.compute.container.registry import registry
from tests.compute.job_runner import JobRunner
from tests.compute.test_backends import Build
from tests.podman import IMAGE, PodmanEngine

pytestmark = pytest.mark.slow
USER, PASSWORD = "me", "swordfish-5152"


@pytest.fixture
def image(container_engine: PodmanEngine, tmp_path: Path) -> Iterator[str]:
    """The name of an image that only the registry has."""
    container_engine.podman("push", "--format=oci", IMAGE, f"dir:{tmp_path / 'registry'}")
    with registry(tmp_path / "registry", USER, PASSWORD) as address:
        name = f"{address}/tests/image:1"
        yield name
    container_engine.podman("rmi", "--force", "--ignore", name)


def files_with(text: str, job: JobSpec) -> list[Path]:
    files = [path for path in [*job.directory.rglob("*"), *job.stdouterr.rglob("*")] if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_an_image_is_pulled_with_the_password_of_its_registry_and_the_log_follows(
    runner: JobRunner, job: Build, image: str
) -> None:
    spec = job("echo ran", container=ContainerSpec(image, "", USER, PASSWORD))

    assert runner.run(spec).exit_code == 0
    assert (spec.stdouterr / "stdout.txt").read_text() == "ran\n"
    log = (spec.stdouterr / "execution.log").read_text()
    assert f"image {image}: pull\n" in log
    assert re.search(rf"image {re.escape(image)}: [0-9a-f]{{12}} (Download complete|Pull complete)\n", log)
    assert files_with(PASSWORD, spec) == []


def test_a_wrong_password_is_refused_and_not_disclosed(runner: JobRunner, job: Build, image: str) -> None:
    spec = job("echo ran", container=ContainerSpec(image, "", USER, "swordfish-wrong"))

    progress = runner.run(spec)

    assert progress.error == "FailedStartingContainer"
    assert ("imageName", image) in progress.details
    assert progress.message is not None
    assert "unauthorized" in progress.message
    assert files_with("swordfish-wrong", spec) == []
