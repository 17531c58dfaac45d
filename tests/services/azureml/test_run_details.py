"""Run history, to which requests carry the token of the cloud."""

from typing import Any

import pytest

from harness.services.azureml.job import run_details
from harness.services.azureml.rest_client import RestClient


class Asked(RestClient):
    """Remembers which addresses it was asked for."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def get(self, url: str, **_query: str) -> dict[str, Any]:
        self.addresses.append(url)
        return {"logFiles": {}}


def job(endpoint: object) -> dict[str, Any]:
    workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    return {"id": f"{workspace}/jobs/j", "properties": {"services": {"Tracking": {"endpoint": endpoint}}}}


@pytest.mark.parametrize(
    "host", ["eastus.api.azureml.ms", "0a1b.workspace.eastus.api.azureml.ms", "eastus.experiments.azureml.net"]
)
def test_the_service_is_asked(host: str) -> None:
    client = Asked()
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
    client = Asked()
    assert run_details(client, job(endpoint)) == {}
    assert client.addresses == []
