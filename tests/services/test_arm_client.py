"""Raw requests to Resource Manager, and invalid responses to them."""

import io
from typing import Any

import pytest
import requests
import urllib3
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from harness.errors import JobError
from harness.resources.azure_errors import azure_errors
from harness.services.arm_client import ArmClient


class Requests(ArmClient):
    version = "2018-05-01"


class Answering(HTTPAdapter):
    """Responds to every request with the same text."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text
        self.urls = list[str]()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        self.urls.append(request.url or "")
        head = {"Content-Type": "application/json"}
        raw = urllib3.HTTPResponse(io.BytesIO(self._text), head, status=200, preload_content=False)
        return self.build_response(request, raw)


def client_of(adapter: Answering) -> Requests:
    session = requests.Session()
    session.mount("https://", adapter)
    transport = RequestsTransport(session=session, session_owner=False)
    return Requests(None, "0", authentication_policy=SansIOHTTPPolicy(), transport=transport)


@pytest.mark.parametrize("text", [b"", b"<html>", b'{"value": [', b"[]", b"null", b"\xff"])
def test_an_answer_that_is_no_object_is_an_error_of_the_service(text: bytes) -> None:
    with pytest.raises(HttpResponseError, match="the answer is no JSON object"):
        client_of(Answering(text)).get("/subscriptions/0")


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (b"{}", "the answer lacks the field name$"),
        (b'{"id": "/subscriptions/0/jobs/j"}', "the answer lacks the field name of /subscriptions/0/jobs/j$"),
    ],
)
def test_a_field_that_is_missing_is_an_error_of_the_service(text: bytes, reported: str) -> None:
    with (
        pytest.raises(JobError, match=f"cannot look at job j: {reported}"),
        azure_errors("look at job j", "azure", otherwise=JobError),
    ):
        client_of(Answering(text)).get("/subscriptions/0")["name"]


def test_fields_of_elements_of_a_list_are_missed_too() -> None:
    (job,) = client_of(Answering(b'{"value": [{"name": "j", "properties": {"a": {}}}]}')).list("/subscriptions/0")
    assert job["name"] == "j"
    assert job["properties"].get("status") is None
    with pytest.raises(AzureError, match="the answer lacks the field b"):
        job["properties"]["a"]["b"]


def test_a_class_states_the_version_of_its_namespace() -> None:
    adapter = Answering(b"{}")
    client_of(adapter).get("/subscriptions/0")
    client_of(adapter).get("/subscriptions/0", version="2020-01-01")
    assert [url.partition("?")[2] for url in adapter.urls] == ["api-version=2018-05-01", "api-version=2020-01-01"]
