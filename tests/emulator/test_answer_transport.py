"""How a response is written: its status line has the error message, as Azure's have, and its parts may be joined."""

import asyncio
import http.client
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.fileshare import ShareFileClient

from harness.emulator.answer_transport import AnswerTransport
from harness.emulator.endpoint import Endpoint

CLOSED = b"(closed)"


class WrittenTransport(asyncio.Transport):
    """A connection that records the data written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.written.append(CLOSED)


def written_parts(sentence: str, *parts: bytes) -> list[bytes]:
    connection = WrittenTransport()
    transport = AnswerTransport(connection)
    transport.set_phrase(sentence)
    for part in parts:
        transport.write(part)
    return connection.written


def test_the_first_line_says_the_sentence_and_the_rest_is_as_it_was() -> None:
    parts = written_parts(
        "The specified share does not exist.", b"HTTP/1.1 404 Not Found\r\na: b\r\n\r\n", b"HTTP/1.1 404 x\r\n"
    )

    assert parts == [b"HTTP/1.1 404 The specified share does not exist.\r\na: b\r\n\r\n", b"HTTP/1.1 404 x\r\n"]


def test_what_is_held_is_written_as_one() -> None:
    connection = WrittenTransport()
    transport = AnswerTransport(connection)
    transport.hold()
    transport.write(b"head")
    transport.write(b"body")
    assert not connection.written

    transport.release()
    transport.write(b"next")

    assert connection.written == [b"headbody", b"next"]


def test_a_connection_is_closed_after_what_was_held() -> None:
    connection = WrittenTransport()
    transport = AnswerTransport(connection)
    transport.hold()
    transport.write(b"last")

    transport.close()

    assert connection.written == [b"last", CLOSED]


def test_an_interim_answer_keeps_its_own_words() -> None:
    parts = written_parts("No.", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 403 Forbidden\r\n\r\n")

    assert parts == [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 403 No.\r\n\r\n"]


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("One line.\nRequestId: x", b"One line."),
        ("a\r\nset-cookie: b", b"a?"),
        ("caf\u00e9 \u0000\u007f", b"caf? ?"),
        ("x" * 10_000, b"x" * 500),
    ],
)
def test_a_sentence_never_leaves_its_line(sentence: str, phrase: bytes) -> None:
    assert written_parts(sentence, b"HTTP/1.1 400 Bad Request\r\n\r\n") == [b"HTTP/1.1 400 " + phrase + b"\r\n\r\n"]


def test_storage_says_why_even_where_there_is_no_body(endpoint: Endpoint) -> None:
    address = urlsplit(endpoint.file_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    phrases = []
    for method in ("GET", "HEAD"):
        connection.request(method, f"/{endpoint.storage_account}/share/file")
        response = connection.getresponse()
        response.read()
        phrases.append(response.reason)
    connection.close()

    assert set(phrases) == {
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    }
    settings = {"proxies": {"https": endpoint.proxy_url}, "connection_verify": endpoint.ca_path}
    url = f"https://{endpoint.storage_account}.file.core.windows.net"
    with (
        ShareFileClient(url, "no-such", "f", credential=endpoint.storage_key, **settings) as file,
        pytest.raises(ResourceNotFoundError, match=r"The specified share does not exist\."),
    ):
        file.get_file_properties()


def test_batch_ai_says_why_and_resource_manager_does_not(endpoint: Endpoint, session: requests.Session) -> None:
    form = {"grant_type": "client_credentials", "client_id": endpoint.client_id,
            "client_secret": endpoint.client_secret, "resource": "https://management.azure.com/"}  # fmt: skip
    token = session.post(f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token", data=form).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    arm = f"https://management.azure.com/subscriptions/{endpoint.subscription_id}"
    group = f"{arm}/resourceGroups/phrases"
    session.put(f"{group}?api-version=2021-04-01", json={"location": "eastus"}, headers=headers).raise_for_status()
    session.post(f"{arm}/providers/Microsoft.BatchAI/register?api-version=2021-04-01", headers=headers)
    workspace = f"{group}/providers/Microsoft.BatchAI/workspaces/none?api-version=2018-05-01"
    while (response := session.get(workspace, headers=headers)).status_code == 409:
        pass

    assert (response.status_code, response.reason) == (404, response.json()["error"]["message"])
    missing = session.get(f"{arm}/resourceGroups/none?api-version=2021-04-01", headers=headers)
    assert (missing.status_code, missing.reason) == (404, "Not Found")
