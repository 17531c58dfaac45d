"""Images of environments, built by a real engine."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.compute.backend import BuildSpec, ContainerSpec, JobSpec
from tests.compute.job_runner import JobRunner
from tests.podman import IMAGE, PodmanEngine

pytestmark = pytest.mark.slow
Build = Callable[..., JobSpec]
# A substitute for conda, which may not be installed: it stores the conda file in the new environment.
CONDA = '#!/bin/sh\nmkdir -p "$4/bin" && cat "$6" > "$4/packages"\n'


def test_an_environment_is_built_once_for_its_content_and_conda_adds_to_it(
    runner: JobRunner, job: Build, container_engine: PodmanEngine, tmp_path: Path
) -> None:
    context, log = tmp_path / "context", tmp_path / "20_image_build_log.txt"
    (context / "docker").mkdir(parents=True)
    (context / "conda").write_text(CONDA)
    (context / "conda").chmod(0o755)
    (context / "docker" / "Dockerfile").write_text(
        f"FROM {IMAGE}\nCOPY conda /bin/conda\nRUN echo {tmp_path} > /built\n"
    )
    build = BuildSpec(log, context=context, dockerfile="./docker/Dockerfile")
    spec = job("cat /built", container=ContainerSpec("", build=build))

    assert runner.run(spec).exit_code == 0
    assert (spec.stdouterr / "stdout.txt").read_text() == f"{tmp_path}\n"
    assert "RUN echo" in log.read_text()
    [name] = set(re.findall(r"batchai-harness/environment:\w+", (spec.stdouterr / "execution.log").read_text()))

    added = ContainerSpec(name, build=BuildSpec(log, conda="dependencies: [python]\n"))
    command, directories = "cat /azureml-envs/azureml/packages; echo $PATH", [tmp_path / "second", tmp_path / "third"]
    again = job(command, stdouterr=directories[0], directory=directories[0] / "job", container=added)
    assert runner.run(again).exit_code == 0
    packages, path = (again.stdouterr / "stdout.txt").read_text().splitlines()
    assert packages == "dependencies: [python]"
    assert "/azureml-envs/azureml/bin" in path.split(":")

    third = job(
        "true", stdouterr=directories[1], directory=directories[1] / "job", container=ContainerSpec("", build=build)
    )
    assert runner.run(third).exit_code == 0
    assert f"image {name}: built before" in (third.stdouterr / "execution.log").read_text()
    container_engine.podman("rmi", "--force", *(image for image in container_engine.images() if "environment" in image))


def test_a_build_that_fails_is_reported_and_its_log_kept(runner: JobRunner, job: Build, tmp_path: Path) -> None:
    context, log = tmp_path / "context", tmp_path / "azureml-logs" / "20_image_build_log.txt"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN echo useful words; exit 9\n")

    progress = runner.run(job("true", container=ContainerSpec("", build=BuildSpec(log, context=context))))

    assert progress.error == "FailedStartingContainer"
    assert progress.message is not None
    assert "the image of the environment cannot be built" in progress.message
    assert ("imageName", "of a build context") in progress.details
    assert "useful words" in log.read_text()


def test_a_dockerfile_outside_of_its_context_is_refused(runner: JobRunner, job: Build, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "secret").write_text("FROM scratch")
    build = BuildSpec(tmp_path / "log", context=tmp_path / "context", dockerfile="../secret")

    progress = runner.run(job("true", container=ContainerSpec("", build=build)))

    assert progress.message is not None
    assert "the build context of the environment has no ../secret" in progress.message
