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


@pytest.fixture(scope="session")
def sign_in() -> Callable[[Endpoint], requests.Session]:
    """Plain HTTP on Resource Manager: a token in every request, Microsoft.BatchAI registered."""

    def signed_in(endpoint: Endpoint) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        made.proxies, made.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        form = {"grant_type": "client_credentials", "client_id": endpoint.client_id,
                "client_secret": endpoint.client_secret, "resource": "https://management.azure.com/"}  # fmt: skip
        url = f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token"
        made.headers["Authorization"] = f"Bearer {made.post(url, data=form).json()['access_token']}"
        made.params = {"api-version": "2018-05-01"}
        provider = f"https://management.azure.com/subscriptions/{endpoint.subscription_id}/providers/Microsoft.BatchAI"
        made.post(f"{provider}/register").raise_for_status()
        while made.get(provider).json()["registrationState"] != "Registered":
            pass
        return made

    return signed_in
