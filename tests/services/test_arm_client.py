"""Raw requests to Resource Manager: what becomes of answers that are none."""

import io
from typing import Any

import pytest
import requests
import urllib3
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from harness.services.arm_client import ArmClient


class Requests(ArmClient):
    version = "2018-05-01"


class Answering(HTTPAdapter):
    """Answers every request with one text."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text
        self.asked = list[str]()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        self.asked.append(request.url or "")
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


def test_a_class_states_the_version_of_its_namespace() -> None:
    adapter = Answering(b"{}")
    client_of(adapter).get("/subscriptions/0")
    client_of(adapter).get("/subscriptions/0", version="2020-01-01")
    assert [url.partition("?")[2] for url in adapter.asked] == ["api-version=2018-05-01", "api-version=2020-01-01"]
