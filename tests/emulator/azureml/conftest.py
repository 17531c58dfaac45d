import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from azure.identity import ClientSecretCredential

from harness.emulator.endpoint import Endpoint

MANAGEMENT = "https://management.azure.com"
Json = dict[str, Any]


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; the deadline is far above the time that a busy machine needs."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "the condition does not hold after two minutes"
        time.sleep(0.01)


class Group:
    """A new resource group, and a plain HTTP client of Azure Machine Learning in it."""

    def __init__(self, endpoint: Endpoint, session: requests.Session, token: str) -> None:
        self.endpoint = endpoint
        self.session = session
        self.name = f"group{uuid.uuid4().hex[:12]}"
        self.subscription = f"/subscriptions/{endpoint.subscription_id}"
        self.id = f"{self.subscription}/resourceGroups/{self.name}"
        self.ml = f"{self.id}/providers/Microsoft.MachineLearningServices"
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, address: str, body: Json | None = None, **query: str) -> requests.Response:
        """One request; ``api`` replaces the default API version, the newest stable one of 2025."""
        version = query.pop("api", "2025-09-01")
        url = address if address.startswith("https:") else MANAGEMENT + address
        params = query if "api-version=" in url else {"api-version": version, **query}
        return self.session.request(method, url, params=params, json=body, headers=self._headers)

    def get(self, path: str, **query: str) -> Json:
        """The document at a path, which must exist."""
        response = self.send("GET", path, **query)
        assert response.status_code == 200, response.text
        document: Json = response.json()
        return document

    def finish(self, response: requests.Response) -> Json:
        """Wait for the operation that a response started; returns its last status document."""
        assert response.status_code in (201, 202), response.text
        statuses: list[Json] = []

        def has_ended() -> bool:
            statuses.append(self.send("GET", response.headers["azure-asyncoperation"]).json())
            return bool(statuses[-1]["status"] != "InProgress")

        until(has_ended)
        return statuses[-1]

    def dependency(self, type_: str, name: str, api: str) -> str:
        """Create a resource that workspaces depend on; returns its id."""
        path = f"{self.id}/providers/{type_}/{name}"
        body: Json = {"location": "eastus", "properties": {}}
        if "storageAccounts" in type_:
            body |= {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        response = self.send("PUT", path, body, api=api)
        assert response.status_code in (200, 201, 202), response.text
        return path

    def workspace_body(self) -> Json:
        """The body that creates a workspace, with new dependencies."""
        unique = uuid.uuid4().hex[:12]
        properties = {
            "friendlyName": "mine",
            "storageAccount": self.dependency("Microsoft.Storage/storageAccounts", f"st{unique}", "2019-06-01"),
            "keyVault": self.dependency("Microsoft.KeyVault/vaults", f"kv{unique}", "2019-09-01"),
            "applicationInsights": self.dependency("Microsoft.Insights/components", f"ai{unique}", "2015-05-01"),
        }
        return {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": properties}


@pytest.fixture
def group(endpoint: Endpoint, session: requests.Session, credential: ClientSecretCredential) -> Group:
    new_group = Group(endpoint, session, credential.get_token(f"{MANAGEMENT}/.default").token)
    new_group.send("PUT", new_group.id, {"location": "eastus"}, api="2021-04-01").raise_for_status()
    return new_group


@pytest.fixture
def make_workspace(group: Group) -> Callable[[], str]:
    """Creates a workspace in the group; returns its path."""

    def make() -> str:
        path = f"{group.ml}/workspaces/ws{uuid.uuid4().hex[:8]}"
        assert group.finish(group.send("PUT", path, group.workspace_body()))["status"] == "Succeeded"
        return path

    return make
