from pathlib import Path

import pytest

from harness.compute.backend import ContainerSpec
from tests.compute.conftest import job
from tests.compute.job_runner import Recipe
from tests.podman import IMAGE, PodmanEngine

__all__ = ["job"]


@pytest.fixture
def recipe(tmp_path: Path, container_engine: PodmanEngine) -> Recipe:
    """Each test uses the id of another emulator."""
    return Recipe(
        "container",
        tmp_path,
        container=ContainerSpec(IMAGE),
        environ={"DOCKER_HOST": container_engine.address, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        emulator=f"emulator-{tmp_path.name}",
    )
