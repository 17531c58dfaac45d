"""Environments whose images an engine builds, for the jobs of a compute whose tag asks for containers."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from tests.emulator.azureml.conftest import Group
from tests.emulator.azureml.test_jobs import Workspace
from tests.podman import IMAGE, PodmanEngine

pytestmark = pytest.mark.slow
# A fake of conda, which this machine may not have: it copies the environment file into the environment.
CONDA = b'#!/bin/sh\nmkdir -p "$4/bin" && cat "$6" > "$4/packages"\n'
DOCKERFILE = (
    f"FROM {IMAGE}\nCOPY conda /tmp/conda\nRUN cp /bin/env /bin/conda && cat /tmp/conda > /bin/conda\n".encode()
)


@pytest.fixture
def endpoint(container_engine: PodmanEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """An emulator whose jobs are processes, unless the tag of a compute selects containers."""
    monkeypatch.setenv("DOCKER_HOST", container_engine.address)
    with launch(tmp_path / "an emulator") as running:
        yield running
    images = [image for image in container_engine.images() if "batchai-harness/environment" in image]
    container_engine.podman("rmi", "--force", *images)


def test_a_job_runs_in_the_image_of_its_environment_where_the_tag_of_its_compute_asks_for_containers(
    group: Group, make_workspace: Callable[[], str]
) -> None:
    workspace = Workspace(group, make_workspace())
    compute = workspace.compute(tags={"harness-compute": "container"})
    for name, content in {"conda": CONDA, "Dockerfile": DOCKERFILE}.items():
        workspace.blob(workspace.blobs, f"context/{name}", content)
    context = f"https://{workspace.account}.blob.core.windows.net/{workspace.blobs}/context"

    def run(environment: str, command: str, **properties: object) -> str:
        path = f"{workspace.path}/environments/{environment}/versions/1"
        created = group.send("PUT", path, {"properties": properties})
        assert created.status_code == 201, created.text
        job = workspace.submit(command, computeId=compute, environmentId=path)
        assert workspace.wait_for(job) == "Completed"
        return job

    first = run("context", "cat /bin/conda", build={"contextUri": context})
    assert "mkdir -p" in workspace.log(first)
    log = workspace.artifact(first, "azureml-logs/20_image_build_log.txt")
    [image] = set(
        re.findall(r"batchai-harness/environment:\w+", workspace.artifact(first, "system_logs/execution.log"))
    )
    assert "COPY conda" in log

    second = run("conda", "cat /azureml-envs/azureml/packages", image=image, condaFile="dependencies: [a-package]")
    assert "a-package" in workspace.log(second)
    assert "conda env create" in workspace.artifact(second, "azureml-logs/20_image_build_log.txt")
