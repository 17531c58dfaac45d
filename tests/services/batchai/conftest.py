from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clouds import Cloud, open_cloud
from harness.config import Settings
from harness.resources import Journal, Provisioning
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.services.batchai import BatchAiService

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A separate cloud."""
    with open_cloud("emulator", Settings(), cassettes=tmp_path_factory.mktemp("cassettes")) as cloud:
        yield cloud


@pytest.fixture
def provisioning(emulated: Cloud, tmp_path: Path) -> Iterator[Provisioning]:
    """The context of requests to Batch AI."""
    errors = BatchAiService().known_errors
    with emulated.clients("preflight") as clients:
        yield Provisioning(emulated, clients, Journal(tmp_path / "j"), lambda _event: None, "run", known_errors=errors)


@pytest.fixture
def azure_provisioning(provisioning: Provisioning) -> Provisioning:
    """The same for Microsoft's cloud."""
    return replace(provisioning, cloud=replace(provisioning.cloud, name="azure"))


@pytest.fixture
def quickstart() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "mnist_quickstart.yaml")
