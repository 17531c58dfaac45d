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
    """Wait until something holds; the time is far above what a busy machine needs."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it does not hold after two minutes"
        time.sleep(0.01)


class Group:
    """A resource group of its own, as a plain HTTP client of Azure Machine Learning sees it."""

    def __init__(self, endpoint: Endpoint, session: requests.Session, token: str) -> None:
        self.endpoint = endpoint
        self.session = session
        self.name = f"group{uuid.uuid4().hex[:12]}"
        self.subscription = f"/subscriptions/{endpoint.subscription_id}"
        self.id = f"{self.subscription}/resourceGroups/{self.name}"
        self.ml = f"{self.id}/providers/Microsoft.MachineLearningServices"
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, address: str, body: Json | None = None, **query: str) -> requests.Response:
        """One call; ``api`` names another version than the newest stable one of 2025."""
        version = query.pop("api", "2025-09-01")
        url = address if address.startswith("https:") else MANAGEMENT + address
        asked = query if "api-version=" in url else {"api-version": version, **query}
        return self.session.request(method, url, params=asked, json=body, headers=self._headers)

    def get(self, path: str, **query: str) -> Json:
        """The document at a path, which has to be there."""
        answer = self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text
        document: Json = answer.json()
        return document

    def done(self, answer: requests.Response) -> Json:
        """The status document of the operation that an answer began, once it has ended."""
        assert answer.status_code in (201, 202), answer.text
        found: list[Json] = []

        def has_ended() -> bool:
            found.append(self.send("GET", answer.headers["azure-asyncoperation"]).json())
            return bool(found[-1]["status"] != "InProgress")

        until(has_ended)
        return found[-1]

    def dependency(self, type_: str, name: str, api: str) -> str:
        """A new resource that workspaces depend on; its id."""
        path = f"{self.id}/providers/{type_}/{name}"
        body: Json = {"location": "eastus", "properties": {}}
        if "storageAccounts" in type_:
            body |= {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        answer = self.send("PUT", path, body, api=api)
        assert answer.status_code in (200, 201, 202), answer.text
        return path

    def workspace_body(self) -> Json:
        """What creates a workspace, over dependencies of its own."""
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
    made = Group(endpoint, session, credential.get_token(f"{MANAGEMENT}/.default").token)
    made.send("PUT", made.id, {"location": "eastus"}, api="2021-04-01").raise_for_status()
    return made


@pytest.fixture
def make_workspace(group: Group) -> Callable[[], str]:
    """Creates a workspace in the group; its path."""

    def make() -> str:
        path = f"{group.ml}/workspaces/ws{uuid.uuid4().hex[:8]}"
        assert group.done(group.send("PUT", path, group.workspace_body()))["status"] == "Succeeded"
        return path

    return make
