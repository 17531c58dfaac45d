"""Requests to run history, which carry the token of the cloud."""

from typing import Any

import pytest

from harness.services.arm_client import Document
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.run_history import RunHistory, run_details


class RecordingClient(RestClient):
    """Records the requested addresses."""

    def __init__(self, **details: Any) -> None:
        self.addresses: list[str] = []
        self._details = Document({"logFiles": {}, **details})

    def get(self, url: str, **_query: str) -> Document:
        self.addresses.append(url)
        return self._details


def job(endpoint: object) -> dict[str, Any]:
    workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    return {"id": f"{workspace}/jobs/j", "properties": {"services": {"Tracking": {"endpoint": endpoint}}}}


@pytest.mark.parametrize(
    "host", ["eastus.api.azureml.ms", "0a1b.workspace.eastus.api.azureml.ms", "eastus.experiments.azureml.net"]
)
def test_the_service_is_asked(host: str) -> None:
    client = RecordingClient()
    assert run_details(client, job(f"azureml://{host}/mlflow/v1.0")) == {"logFiles": {}}
    assert [address.split("/")[2] for address in client.addresses] == [host]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://example.com/",
        "https://azureml.ms.example.com/",
        "https://eastus.api.azureml.ms@example.com/",
        "https://example.com\\.api.azureml.ms/",
        "https://eastus.api.azureml.ms:8080/",
        "https://evilazureml.ms/",
        "",
        None,
    ],
)
def test_no_other_host_sees_the_token(endpoint: object) -> None:
    client = RecordingClient()
    assert run_details(client, job(endpoint)) == {}
    assert client.addresses == []


class RecordingHistory(RunHistory):
    """Run history with a client that records the requested addresses."""

    def __init__(self, client: RecordingClient) -> None:
        super().__init__(None, "s", authentication_policy=None, transport=None)
        self._client = client


def test_how_a_run_has_ended_is_asked_for_once_and_again_for_another_job_of_its_name() -> None:
    client = RecordingClient(endTimeUtc="2026-05-01T12:00:00Z")
    history, ended = RecordingHistory(client), job("azureml://eastus.api.azureml.ms/")
    later = ended | {"systemData": {"createdAt": "2026-05-01T13:00:00Z"}}
    assert [history.details_of_ended(run)["endTimeUtc"] for run in (ended, ended, later, ended)] == [
        "2026-05-01T12:00:00Z"
    ] * 4
    assert len(client.addresses) == 2


def test_run_history_that_does_not_know_the_end_yet_is_asked_again() -> None:
    client = RecordingClient()
    history, ended = RecordingHistory(client), job("azureml://eastus.api.azureml.ms/")
    history.details_of_ended(ended)
    history.details_of_ended(ended)
    assert len(client.addresses) == 2
