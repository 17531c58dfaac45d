"""Managed identities: code on Azure gets tokens without having a secret."""

from collections.abc import Iterator

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from harness.emulator.auth import STORAGE_AUDIENCE
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

SCOPE = f"{STORAGE_AUDIENCE}/.default"


@pytest.fixture(scope="module", params=["app-service", "imds"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator that also plays the platform on which code runs."""
    directory = tmp_path_factory.mktemp("platform")
    applications = ["reader=reader"]
    with launch(directory, only="storage", managed_identity=request.param, applications=applications) as running:
        yield running


@pytest.fixture
def on_azure(platform: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    for name, value in platform.environment(by_proxy=True).items():
        monkeypatch.setenv(name, value)
    return platform


def client_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["appid"])


def test_the_system_s_identity_is_the_first_application(on_azure: Endpoint) -> None:
    with ManagedIdentityCredential() as credential:
        assert client_of(credential.get_token(SCOPE).token) == on_azure.client_id


def test_another_application_is_an_identity_that_a_user_assigned(on_azure: Endpoint) -> None:
    reader = on_azure.applications["reader"].client_id
    with ManagedIdentityCredential(client_id=reader) as credential:
        assert client_of(credential.get_token(SCOPE).token) == reader


def test_an_identity_that_was_not_assigned_is_not_found(on_azure: Endpoint) -> None:
    unknown = "00000000-0000-0000-0000-00000000000a"
    with ManagedIdentityCredential(client_id=unknown) as credential, pytest.raises(ClientAuthenticationError):
        credential.get_token(SCOPE)


@pytest.fixture(scope="module")
def app_service() -> Iterator[Endpoint]:
    with launch(only="storage", managed_identity="app-service") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/msi/token", {}, 401),
        ("/msi/token", {"X-IDENTITY-HEADER": "guess"}, 401),
        ("/other", {}, 404),
    ],
)
def test_who_does_not_ask_as_the_platform_says_gets_nothing(
    app_service: Endpoint, path: str, headers: dict[str, str], status: int
) -> None:
    address = app_service.identity_variables["IDENTITY_ENDPOINT"].removesuffix("/msi/token") + path
    query = {"api-version": "2019-08-01", "resource": STORAGE_AUDIENCE}
    response = requests.get(address, params=query, headers=headers, timeout=60)

    assert response.status_code == status
    assert "access_token" not in response.text


def test_a_virtual_machine_wants_a_header_that_no_page_can_send() -> None:
    with launch(only="storage", managed_identity="imds") as running:
        base = running.identity_variables["AZURE_POD_IDENTITY_AUTHORITY_HOST"]
        query = {"api-version": "2018-02-01", "resource": STORAGE_AUDIENCE}
        for headers in ({}, {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}):
            address = f"{base}/metadata/identity/oauth2/token"
            assert requests.get(address, params=query, headers=headers, timeout=60).status_code == 400


def test_app_service_has_no_endpoint_of_a_virtual_machine(app_service: Endpoint) -> None:
    """IMDS needs no secret, so App Service must not serve it."""
    address = app_service.identity_variables["IDENTITY_ENDPOINT"].replace(
        "/msi/token", "/metadata/identity/oauth2/token"
    )
    query = {"api-version": "2018-02-01", "resource": STORAGE_AUDIENCE}

    assert requests.get(address, params=query, headers={"Metadata": "true"}, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"resource": STORAGE_AUDIENCE}, "invalid_request"),
        ({"api-version": "2019-08-01"}, "invalid_request"),
        ({"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, "invalid_resource"),
    ],
)
def test_a_request_that_lacks_something_is_refused_by_name(
    app_service: Endpoint, query: dict[str, str], error: str
) -> None:
    variables = app_service.identity_variables
    headers = {"X-IDENTITY-HEADER": variables["IDENTITY_HEADER"]}
    response = requests.get(variables["IDENTITY_ENDPOINT"], params=query, headers=headers, timeout=60)

    assert (response.status_code, response.json()["error"]) == (400, error)
