"""The Azure SDKs on a replaying session."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core import PipelineClient
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.storage.file import FileService

from harness.recording import blocked_sockets
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.placeholders import placeholder_key

Open = Callable[..., AbstractContextManager[requests.Session]]
FILE = "https://account.file.core.windows.net/share/model.dnn"
JOB = "https://management.azure.com/job?a=1"
MODEL = bytes(range(256)) * 40


@pytest.fixture
def offline_session(cassette: Path, open_recorded: Open) -> Iterator[requests.Session]:
    ranged = {"Content-Range": f"bytes 0-{len(MODEL) - 1}/{len(MODEL)}", "x-ms-type": "File", "ETag": '"1"'}
    headers = {"x-ms-range": "bytes=0-33554431"}
    interactions = [
        Interaction(
            RecordedRequest("GET", "https://management.azure.com/job?a=1"), RecordedResponse(200, "OK", {}, b"{}"), 2
        ),
        Interaction(RecordedRequest("GET", FILE, headers), RecordedResponse(206, "Partial Content", ranged, MODEL)),
    ]
    save_cassette(cassette, interactions, {})
    with open_recorded("replay") as session, blocked_sockets():
        yield session


def test_the_storage_client_downloads_from_a_cassette(offline_session: requests.Session) -> None:
    service = FileService("account", placeholder_key(1), request_session=offline_session)

    assert service.get_file_to_bytes("share", None, "model.dnn").content == MODEL


def test_a_management_pipeline_reads_a_cassette(offline_session: requests.Session) -> None:
    transport = RequestsTransport(session=offline_session, session_owner=False)
    client: PipelineClient[Any, Any] = PipelineClient("https://management.azure.com", transport=transport)

    response = client.send_request(HttpRequest("GET", JOB))
    assert response.json() == {}
