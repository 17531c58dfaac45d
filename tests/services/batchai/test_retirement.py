"""What Resource Manager answers where Batch AI was."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import urllib3
from azure.mgmt.batchai import BatchAI
from requests.adapters import BaseAdapter

from harness.clouds import Clients, Cloud
from harness.errors import ProvisioningError, ServiceRetiredError
from harness.resources import Provisioning
from harness.services.batchai import BatchAiService

MANAGEMENT = "https://management.azure.com"
Refuse = Callable[[str], Clients]


class Refusing(BaseAdapter):
    """Resource Manager as it answers where Batch AI was: the one answer to everything."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._body = json.dumps({"error": {"code": code, "message": f"Refused: {code}."}}).encode()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = 409, request, request.url or ""
        response.headers["Content-Type"] = "application/json"
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(self._body), status=409, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def refusing(asking: Provisioning) -> Iterator[Refuse]:
    """Clients that sign in, and are refused everything with a code."""

    def refuse(code: str) -> Clients:
        asking.clients.session.mount(MANAGEMENT, Refusing(code))
        return asking.clients

    yield refuse
    asking.clients.session.adapters.pop(MANAGEMENT, None)


@pytest.mark.parametrize("code", ["InvalidResourceType", "InvalidResourceNamespace", "MissingSubscriptionRegistration"])
def test_an_answer_that_batch_ai_is_gone_is_one_clear_message_on_azure(
    asking_azure: Provisioning, refusing: Refuse, code: str
) -> None:
    with pytest.raises(ServiceRetiredError) as caught, asking_azure.errors("read the quota"):
        list(refusing(code).management(BatchAI).usages.list("eastus"))
    for word in (code, "14 December 2018", "31 March 2019", "--cloud emulator", "Azure Machine Learning"):
        assert word in str(caught.value)


def test_the_same_answer_elsewhere_says_how_to_register(asking: Provisioning, refusing: Refuse) -> None:
    with (
        pytest.raises(ProvisioningError, match=r"az provider register --namespace Microsoft\.BatchAI"),
        asking.errors("read the quota"),
    ):
        list(refusing("MissingSubscriptionRegistration").management(BatchAI).usages.list("eastus"))


def test_a_retired_service_cannot_be_prepared(asking_azure: Provisioning, refusing: Refuse) -> None:
    refusing("InvalidResourceNamespace")
    with pytest.raises(ServiceRetiredError, match="cannot register provider"):
        BatchAiService().prepare(asking_azure)


def test_an_unknown_namespace_means_the_same_on_azure(asking_azure: Provisioning) -> None:
    with pytest.raises(ServiceRetiredError, match="InvalidResourceNamespace"), asking_azure.errors("look"):
        asking_azure.clients.resources.providers.get("Microsoft.Gone")


def test_an_unknown_subscription_names_the_setting(emulated: Cloud, asking_azure: Provisioning) -> None:
    facts = replace(emulated.facts, subscription_id="11111111-1111-1111-1111-111111111111")
    elsewhere: Any = replace(emulated, facts=facts)
    with (
        elsewhere.clients("preflight") as clients,
        pytest.raises(ProvisioningError, match="subscription_id"),
        asking_azure.errors("look"),
    ):
        clients.resources.providers.get("Microsoft.BatchAI")
