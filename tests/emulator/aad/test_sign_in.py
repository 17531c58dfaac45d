"""Service principals sign in with the credentials of ``endpoint`` and no others."""

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from msrestazure.azure_active_directory import ServicePrincipalCredentials

from harness.emulator.endpoint import Endpoint

SCOPE = "https://management.azure.com/.default"


def sign_in(endpoint: Endpoint, **changed: str) -> str:
    login = {"tenant_id": endpoint.tenant_id, "client_id": endpoint.client_id, "client_secret": endpoint.client_secret}
    with ClientSecretCredential(
        **(login | changed), proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path
    ) as credential:
        return credential.get_token(SCOPE).token


def test_azure_identity_signs_in(endpoint: Endpoint) -> None:
    assert sign_in(endpoint).count(".") == 2


def test_msrestazure_signs_in(endpoint: Endpoint) -> None:
    credentials = ServicePrincipalCredentials(
        client_id=endpoint.client_id, secret=endpoint.client_secret, tenant=endpoint.tenant_id,
        proxies={"https": endpoint.proxy_url}, verify=endpoint.ca_path,
    )  # fmt: skip

    assert credentials.token["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("client_secret", "wrong", "AADSTS7000215"),
        ("client_id", "00000000-0000-0000-0000-00000000000a", "AADSTS700016"),
        ("tenant_id", "00000000-0000-0000-0000-00000000000b", "AADSTS90002"),
    ],
)
def test_wrong_credentials_are_refused_in_the_words_of_aad(
    endpoint: Endpoint, field: str, value: str, code: str
) -> None:
    with pytest.raises((ClientAuthenticationError, ValueError), match=f"{code}|invalid_tenant|{value}"):
        sign_in(endpoint, **{field: value})


def test_a_secret_is_never_repeated_in_the_refusal(endpoint: Endpoint, session: requests.Session) -> None:
    form = {"grant_type": "client_credentials", "client_id": endpoint.client_id, "client_secret": "hush-hush",
            "resource": "https://management.core.windows.net/"}  # fmt: skip
    response = session.post(f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token", data=form)

    assert response.status_code == 401
    assert response.json()["error_codes"] == [7000215]
    assert "hush-hush" not in response.text


def test_a_token_for_another_resource_is_not_given(endpoint: Endpoint, session: requests.Session) -> None:
    form = {"grant_type": "client_credentials", "client_id": endpoint.client_id,
            "client_secret": endpoint.client_secret, "resource": "https://vault.azure.net"}  # fmt: skip
    response = session.post(f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token", data=form)

    assert (response.status_code, response.json()["error"]) == (400, "invalid_resource")


def test_openid_discovery_names_the_keys_that_sign(endpoint: Endpoint, session: requests.Session) -> None:
    base = f"https://login.microsoftonline.com/{endpoint.tenant_id}"
    configuration = session.get(f"{base}/v2.0/.well-known/openid-configuration").json()

    assert configuration["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": endpoint.client_id,
            "client_secret": endpoint.client_secret, "scope": SCOPE}  # fmt: skip
    token = session.post(configuration["token_endpoint"], data=form).json()["access_token"]
    [key] = jwt.PyJWKSet.from_dict(session.get(configuration["jwks_uri"]).json()).keys
    assert key.key_id == jwt.get_unverified_header(token)["kid"]
    assert jwt.decode(token, key.key, algorithms=["RS256"], audience="https://management.azure.com")


def test_credentials_come_in_the_form_or_in_a_basic_header(endpoint: Endpoint, session: requests.Session) -> None:
    url = f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token"
    form = {"grant_type": "client_credentials", "resource": "https://management.core.windows.net/"}

    assert session.post(url, data=form, auth=(endpoint.client_id, endpoint.client_secret)).status_code == 200
    assert session.post(url, data=form, auth=(endpoint.client_id, "wrong")).json()["error"] == "invalid_client"
    assert session.post(url, data=form, headers={"Authorization": "Basic %%%"}).status_code == 400
