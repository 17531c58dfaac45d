"""The errors of Resource Manager since the end of Batch AI."""

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


class RefusingAdapter(BaseAdapter):
    """Responds to every request as Resource Manager responds for a retired service."""

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
        """Do nothing, because nothing is open."""


@pytest.fixture
def refusing(provisioning: Provisioning) -> Iterator[Refuse]:
    """Create clients that sign in, and whose other requests are all refused with a code."""

    def refuse(code: str) -> Clients:
        provisioning.clients.session.mount(MANAGEMENT, RefusingAdapter(code))
        return provisioning.clients

    yield refuse
    provisioning.clients.session.adapters.pop(MANAGEMENT, None)


@pytest.mark.parametrize("code", ["InvalidResourceType", "InvalidResourceNamespace", "MissingSubscriptionRegistration"])
def test_an_answer_that_batch_ai_has_ended_is_one_clear_message_on_azure(
    azure_provisioning: Provisioning, refusing: Refuse, code: str
) -> None:
    with pytest.raises(ServiceRetiredError) as caught, azure_provisioning.errors("read the quota"):
        list(refusing(code).management(BatchAI).usages.list("eastus"))
    for word in (code, "14 December 2018", "31 March 2019", "--cloud emulator", "Azure Machine Learning"):
        assert word in str(caught.value)


def test_the_same_answer_elsewhere_says_how_to_register(provisioning: Provisioning, refusing: Refuse) -> None:
    with (
        pytest.raises(ProvisioningError, match=r"az provider register --namespace Microsoft\.BatchAI"),
        provisioning.errors("read the quota"),
    ):
        list(refusing("MissingSubscriptionRegistration").management(BatchAI).usages.list("eastus"))


def test_a_retired_service_cannot_be_prepared(azure_provisioning: Provisioning, refusing: Refuse) -> None:
    refusing("InvalidResourceNamespace")
    with pytest.raises(ServiceRetiredError, match="cannot register provider"):
        BatchAiService().prepare(azure_provisioning)


def test_an_unknown_namespace_means_the_same_on_azure(azure_provisioning: Provisioning) -> None:
    with pytest.raises(ServiceRetiredError, match="InvalidResourceNamespace"), azure_provisioning.errors("look"):
        azure_provisioning.clients.resources.providers.get("Microsoft.Gone")


def test_an_unknown_subscription_names_the_setting(emulated: Cloud, azure_provisioning: Provisioning) -> None:
    facts = replace(emulated.facts, subscription_id="11111111-1111-1111-1111-111111111111")
    elsewhere: Any = replace(emulated, facts=facts)
    with (
        elsewhere.clients("preflight") as clients,
        pytest.raises(ProvisioningError, match="subscription_id"),
        azure_provisioning.errors("look"),
    ):
        clients.resources.providers.get("Microsoft.BatchAI")
