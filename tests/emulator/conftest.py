from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A real emulator in a separate process, in a path with a space."""
    with launch(Path(tmp_path_factory.mktemp("an emulator"))) as running:
        yield running


@pytest.fixture
def session(endpoint: Endpoint) -> Iterator[requests.Session]:
    """A plain HTTP client behind the emulator's proxy."""
    with requests.Session() as client:
        client.trust_env = False
        client.proxies, client.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        yield client


@pytest.fixture
def credential(endpoint: Endpoint) -> Iterator[ClientSecretCredential]:
    with ClientSecretCredential(
        endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as identity:  # fmt: skip
        yield identity


@pytest.fixture
def resources(endpoint: Endpoint, credential: ClientSecretCredential) -> Iterator[ResourceManagementClient]:
    with ResourceManagementClient(
        credential, endpoint.subscription_id,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, polling_interval=0.02,
    ) as client:  # fmt: skip
        yield client


@pytest.fixture(scope="session")
def sign_in() -> Callable[[Endpoint], requests.Session]:
    """Plain HTTP on Resource Manager: a token in every request, Microsoft.BatchAI registered."""

    def create_session(endpoint: Endpoint) -> requests.Session:
        client = requests.Session()
        client.trust_env = False
        client.proxies, client.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        form = {"grant_type": "client_credentials", "client_id": endpoint.client_id,
                "client_secret": endpoint.client_secret, "resource": "https://management.azure.com/"}  # fmt: skip
        url = f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token"
        client.headers["Authorization"] = f"Bearer {client.post(url, data=form).json()['access_token']}"
        client.params = {"api-version": "2018-05-01"}
        provider = f"https://management.azure.com/subscriptions/{endpoint.subscription_id}/providers/Microsoft.BatchAI"
        client.post(f"{provider}/register").raise_for_status()
        while client.get(provider).json()["registrationState"] != "Registered":
            pass
        return client

    return create_session
