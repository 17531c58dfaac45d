import uuid
from typing import Any

import pytest
import requests
from azure.identity import ClientSecretCredential

from harness.emulator.endpoint import Endpoint

MANAGEMENT = "https://management.azure.com"


@pytest.fixture
def call(endpoint: Endpoint, session: requests.Session, credential: ClientSecretCredential) -> Any:
    """One call below a resource group of its own, with a version of the service that exists."""
    group = f"group{uuid.uuid4().hex[:12]}"
    base = f"{MANAGEMENT}/subscriptions/{endpoint.subscription_id}/resourceGroups/{group}"
    headers = {"Authorization": f"Bearer {credential.get_token(f'{MANAGEMENT}/.default').token}"}
    session.put(f"{base}?api-version=2021-04-01", json={"location": "eastus"}, headers=headers).raise_for_status()

    def send(method: str, path: str, version: str = "2025-09-01") -> requests.Response:
        address = f"{base}/providers/Microsoft.MachineLearningServices{path}"
        return session.request(method, address, params={"api-version": version}, headers=headers)

    return send


def test_a_workspace_that_does_not_exist_is_named_by_the_gateway(call: Any) -> None:
    answer = call("GET", "/workspaces/nowhere")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "ResourceNotFound"
    assert "'Microsoft.MachineLearningServices/workspaces/nowhere'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("version", ["2022-05-01", "2024-10-01-preview", "2026-05-01"])
def test_every_version_from_2022_on_is_served(call: Any, version: str) -> None:
    assert call("GET", "/workspaces", version).json() == {"value": []}


def test_an_older_version_is_refused_by_name(call: Any) -> None:
    answer = call("GET", "/workspaces", "2020-08-01")

    assert answer.status_code == 400
    assert "from 2022-05-01 on" in answer.json()["error"]["message"]


def test_every_answer_has_the_headers_of_the_service(call: Any) -> None:
    headers = call("GET", "/workspaces").headers

    assert headers["x-ms-response-type"] == "standard"
    assert int(headers["x-ms-ratelimit-remaining-subscription-reads"]) >= 0
    assert headers["azureml-served-by-cluster"] == "vienna-eastus-01"
