from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clouds import Cloud, open_cloud
from harness.config import Settings
from harness.resources import Journal, Provisioning
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.services.azureml import AzureMlService

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for one test module."""
    cassettes = tmp_path_factory.mktemp("cassettes")
    with open_cloud("emulator", Settings(), cassettes=cassettes, service="azureml") as cloud:
        yield cloud


@pytest.fixture
def provisioning(emulated: Cloud, tmp_path: Path) -> Iterator[Provisioning]:
    """The context of requests to Azure Machine Learning."""
    errors = AzureMlService().known_errors
    with emulated.clients("preflight") as clients:
        run = emulated.facts.run
        yield Provisioning(emulated, clients, Journal(tmp_path / "j"), lambda _event: None, run, known_errors=errors)


@pytest.fixture
def quickstart() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "mnist_quickstart.yaml")
