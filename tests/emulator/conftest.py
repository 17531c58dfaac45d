from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A real emulator in a process of its own, in a path with a space."""
    with launch(Path(tmp_path_factory.mktemp("an emulator"))) as running:
        yield running


@pytest.fixture
def session(endpoint: Endpoint) -> Iterator[requests.Session]:
    """A plain HTTP client behind the emulator's proxy."""
    with requests.Session() as made:
        made.trust_env = False
        made.proxies, made.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        yield made


@pytest.fixture
def credential(endpoint: Endpoint) -> Iterator[ClientSecretCredential]:
    with ClientSecretCredential(
        endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def resources(endpoint: Endpoint, credential: ClientSecretCredential) -> Iterator[ResourceManagementClient]:
    with ResourceManagementClient(
        credential, endpoint.subscription_id,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, polling_interval=0.02,
    ) as made:  # fmt: skip
        yield made
