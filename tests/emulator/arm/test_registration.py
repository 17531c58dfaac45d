"""Providers while they register at Azure's pace; reading them changes nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

ARM = "https://management.azure.com"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator so slow that no registration ends during a test."""
    with launch(tmp_path_factory.mktemp("slow"), pace=1000.0) as running:
        yield running


@pytest.fixture
def client(slow: Endpoint) -> Iterator[Callable[..., Any]]:
    """A function that returns the JSON of a request below the subscription."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": slow.proxy_url}, slow.ca_path
        form = {"grant_type": "client_credentials", "client_id": slow.client_id,
                "client_secret": slow.client_secret, "resource": f"{ARM}/"}  # fmt: skip
        token = session.post(f"https://login.microsoftonline.com/{slow.tenant_id}/oauth2/token", data=form).json()
        session.headers["Authorization"] = f"Bearer {token['access_token']}"

        def call(method: str, path: str, body: Any = None) -> Any:
            url = f"{ARM}/subscriptions/{slow.subscription_id}{path}?api-version=2018-05-01"
            return session.request(method, url, json=body).json()

        yield call


def rows(endpoint: Endpoint) -> list[tuple[str, str, bytes]]:
    """Every record of an emulator."""
    with closing(sqlite3.connect(Path(endpoint.directory) / "emulator.db")) as connection:
        return connection.execute("SELECT kind, key, value FROM records ORDER BY kind, key").fetchall()


def test_a_provider_is_registering_until_its_time_has_passed_and_can_be_used(client: Callable[..., Any]) -> None:
    assert client("POST", "/providers/Microsoft.BatchAI/register")["registrationState"] == "Registering"

    for _ in range(3):
        assert client("GET", "/providers/Microsoft.BatchAI")["registrationState"] == "Registering"
        assert client("GET", "/providers/Microsoft.BatchAI/workspaces") == {"value": []}


def test_registering_again_does_not_begin_again(slow: Endpoint, client: Callable[..., Any]) -> None:
    client("POST", "/providers/Microsoft.Network/register")
    before = rows(slow)

    assert client("POST", "/providers/Microsoft.Network/register")["registrationState"] == "Registering"
    assert rows(slow) == before


def test_looking_at_providers_changes_nothing(slow: Endpoint, client: Callable[..., Any]) -> None:
    client("POST", "/providers/Microsoft.Batch/register")
    before = rows(slow)

    client("GET", "/providers")
    client("GET", "/providers/Microsoft.Batch")
    client("GET", "/providers/Microsoft.Compute")
    client("GET", "/providers/Microsoft.BatchAI/workspaces")

    assert rows(slow) == before


def test_the_first_write_registers_a_provider(client: Callable[..., Any]) -> None:
    assert client("GET", "/providers/Microsoft.MachineLearningServices")["registrationState"] == "NotRegistered"
    client("PUT", "/resourceGroups/first", {"location": "eastus"})
    path = "/resourceGroups/first/providers/Microsoft.MachineLearningServices/workspaces/none"

    client("GET", path)
    assert client("GET", "/providers/Microsoft.MachineLearningServices")["registrationState"] == "NotRegistered"

    client("PATCH", path, {})
    assert client("GET", "/providers/Microsoft.MachineLearningServices")["registrationState"] == "Registered"
