"""The requests for GPUs."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.compute.backend import ContainerSpec
from harness.compute.container.gpus import NoGpusError, gpu_request
from tests.compute.job_runner import JobRunner, Recipe
from tests.compute.test_backends import Build
from tests.podman import IMAGE, PodmanEngine


def podman(version: str) -> dict[str, Any]:
    return {"Components": [{"Name": "Podman Engine", "Version": version}, {"Name": "Conmon", "Version": "2.1"}]}


def test_docker_counts_them() -> None:
    docker = {"Components": [{"Name": "Engine", "Version": "28.2.2"}]}

    assert gpu_request(docker, 2) == {
        "Driver": "", "Count": 2, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {},
    }  # fmt: skip


@pytest.mark.parametrize("version", ["5.4.0", "5.10.1-rc1", "6.0.0-dev"])
def test_podman_gets_them_by_name(version: str) -> None:
    request = gpu_request(podman(version), 2)

    assert (request["Driver"], request["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=0", "nvidia.com/gpu=1"])


@pytest.mark.parametrize("version", ["4.3.1", "5.3.2"])
def test_a_podman_that_would_leave_them_out_in_silence_is_refused(version: str) -> None:
    with pytest.raises(NoGpusError, match=rf"2 GPU\(s\), and Podman {version} gives none .*; use Podman 5.4 or newer"):
        gpu_request(podman(version), 2)


@pytest.mark.slow
def test_a_job_that_would_get_none_of_its_gpus_fails_and_says_so(
    recipe: Recipe, job: Build, container_engine: PodmanEngine, tmp_path: Path
) -> None:
    major, minor = container_engine.podman("version", "--format", "{{.Server.Version}}").split(".")[:2]
    if (int(major), int(minor)) >= (5, 4):
        pytest.skip("this Podman gives GPUs to containers")
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text('#!/bin/sh\necho "GPU 0: a substitute"\n')
    driver.chmod(0o755)
    path = f"{driver.parent}:{os.environ['PATH']}"
    runner = JobRunner(replace(recipe, environ={**recipe.environ, "PATH": path}))

    progress = runner.run(job("echo ran", container=ContainerSpec(IMAGE)))
    runner.backend.close()

    assert progress.error == "FailedStartingContainer"
    assert progress.message is not None
    assert "the job's node has 1 GPU(s), and Podman" in progress.message
