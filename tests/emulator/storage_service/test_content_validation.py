"""Checksums of bodies, as Microsoft's SDKs send and check them with ``validate_content``."""

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from azure.core.pipeline.transport._requests_basic import RequestsTransport
from azure.storage.blob import BlobBlock, BlobClient
from azure.storage.extensions import checksums
from azure.storage.fileshare import ShareClient, ShareFileClient

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint
from harness.emulator.storage_service.structured_body import FORM
from tests.emulator.storage_service.lone_storage import Call, StorageResponse, lone_storage, run
from tests.emulator.storage_service.structured_message import structured

SIZE = 9_000_000  # bytes: three segments of a message, three ranges of a file
LIST = b"<BlockList><Latest>MQ==</Latest></BlockList>"
Ask = Callable[..., list[StorageResponse]]


@pytest.fixture
def transport() -> Iterator[RequestsTransport]:
    """A transport that closes its connections; the SDK's decoder leaves them open, since it never reads to the end."""
    responses: list[requests.Response] = []
    with requests.Session() as session:
        session.hooks["response"] = lambda response, **_: responses.append(response)
        yield RequestsTransport(session=session, session_owner=False)
        for response in responses:
            response.close()


@pytest.fixture
def file(storage: Endpoint, transport: RequestsTransport) -> ShareFileClient:
    text = storage.connection_string
    share = ShareClient.from_connection_string(text, f"t-{uuid4()}", transport=transport, retry_total=0)
    share.create_share()
    return share.get_file_client("f")


@pytest.fixture
def blob(storage: Endpoint, transport: RequestsTransport) -> BlobClient:
    text, name = storage.connection_string, f"t-{uuid4()}"
    sizes = {"max_single_put_size": 1 << 20, "max_block_size": 1 << 20}
    client = BlobClient.from_connection_string(text, name, "b", transport=transport, retry_total=0, **sizes)
    client._get_container_client().create_container()
    return client


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Send requests to services that have the file ``data/f`` with ``12345`` and the container ``box``."""
    with lone_storage(tmp_path, SystemClock()) as lone:
        size = (("x-ms-type", "file"), ("x-ms-content-length", "5"))
        run(
            lone,
            Call("file", "PUT", "data?restype=share"),
            Call("file", "PUT", "data/f", size, b"12345"),
            Call("blob", "PUT", "box?restype=container"),
        )
        yield lambda *calls: run(lone, *calls)


def crc64(body: bytes) -> str:
    return base64.b64encode(checksums.crc64.compute(body, 0).to_bytes(8, "little")).decode()


def put_range(message: bytes, length: int = 5, form: str = FORM) -> Call:
    range_headers = (("x-ms-write", "update"), ("x-ms-range", f"bytes=0-{length - 1}"))
    body_headers = (("x-ms-structured-body", form), ("x-ms-structured-content-length", str(length)))
    return Call("file", "PUT", "data/f?comp=range", (*range_headers, *body_headers), message)


@pytest.mark.parametrize("mode", ["crc64", "md5", "auto"])
def test_a_file_is_uploaded_and_downloaded_with_checksums(file: ShareFileClient, mode: str) -> None:
    body = os.urandom(SIZE)
    file.upload_file(body, validate_content=mode, max_concurrency=2)

    assert file.download_file(validate_content=mode, max_concurrency=2).readall() == body


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1])
def test_content_of_any_size_fits_into_segments(file: ShareFileClient, size: int) -> None:
    body = os.urandom(size)
    file.upload_file(body, validate_content="crc64")

    assert file.download_file(validate_content="crc64").readall() == body
    assert file.get_file_properties().size == size


def test_a_range_is_written_and_read_with_checksums(file: ShareFileClient) -> None:
    file.create_file(10)
    file.upload_range(b"56789", 5, 5, validate_content="crc64")

    assert file.download_file(4, 4, validate_content="crc64").readall() == b"\x00567"


@pytest.mark.parametrize("mode", ["crc64", "md5", "auto"])
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_blob_whole_or_in_blocks_has_checksums(blob: BlobClient, mode: str, size: int) -> None:
    body = os.urandom(size)
    blob.upload_blob(body, validate_content=mode)

    assert blob.download_blob(validate_content=mode, max_concurrency=2).readall() == body


def test_a_checksum_that_was_compared_is_in_the_answer(blob: BlobClient) -> None:
    staged = blob.stage_block("1", b"12345", validate_content="crc64")
    blob.commit_block_list([BlobBlock("1")])

    assert staged["content_crc64"] == base64.b64decode(crc64(b"12345"))


def test_a_structured_answer_has_the_headers_of_one(ask: Ask) -> None:
    headers = (("x-ms-structured-body", FORM), ("x-ms-range", "bytes=1-3"))
    (response,) = ask(Call("file", "GET", "data/f", headers))

    assert (response.status, response.body) == (206, structured(b"234"))
    fields = dict(response.headers)
    assert fields["content-length"] == str(len(response.body))
    assert (fields["x-ms-structured-content-length"], fields["content-range"]) == ("3", "bytes 1-3/5")


@pytest.mark.parametrize(("size", "status"), [(4 << 20, 206), ((4 << 20) + 1, 400)])
def test_the_checksum_of_a_range_of_a_blob_is_returned_up_to_4_mib(ask: Ask, size: int, status: int) -> None:
    body = os.urandom(size)
    headers = (("x-ms-range", f"bytes=0-{size - 1}"), ("x-ms-range-get-content-crc64", "true"))
    _, response = ask(
        Call("blob", "PUT", "box/b", (("x-ms-blob-type", "BlockBlob"),), body), Call("blob", "GET", "box/b", headers)
    )

    assert response.status == status
    assert dict(response.headers).get("x-ms-content-crc64") == (crc64(body) if status == 206 else None)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (put_range(structured(b"67890", break_crc=True)), "Crc64Mismatch"),
        (put_range(structured(b"67890")[:-1]), "InvalidInput"),
        (put_range(b"67890"), "InvalidInput"),
        (put_range(structured(b"67890"), form="XSM/2.0; properties=crc64"), "InvalidHeaderValue"),
        (put_range(structured(b"678"), length=5), "InvalidInput"),
    ],
    ids=["checksum", "cut", "not structured", "form", "length"],
)
def test_a_message_that_is_wrong_changes_nothing(ask: Ask, call: Call, code: str) -> None:
    response, now = ask(call, Call("file", "GET", "data/f"))

    assert dict(response.headers)["x-ms-error-code"] == code
    assert now.body == b"12345"


def test_a_structured_body_says_how_long_its_content_is(ask: Ask) -> None:
    headers = (("x-ms-write", "update"), ("x-ms-range", "bytes=0-4"), ("x-ms-structured-body", FORM))
    (response,) = ask(Call("file", "PUT", "data/f?comp=range", headers, structured(b"67890")))

    assert dict(response.headers)["x-ms-error-code"] == "MissingRequiredHeader"


@pytest.mark.parametrize(
    "call",
    [
        Call("blob", "PUT", "box/b", (("x-ms-blob-type", "BlockBlob"),), b"12345"),
        Call("blob", "PUT", "box/b?comp=block&blockid=MQ==", (), b"12345"),
        Call("blob", "PUT", "box/b?comp=blocklist", (), LIST),
        Call("file", "PUT", "data/f?comp=range", (("x-ms-write", "update"), ("x-ms-range", "bytes=0-4")), b"67890"),
        Call("file", "PUT", "data/g", (("x-ms-type", "file"), ("x-ms-content-length", "5")), b"67890"),
    ],
    ids=["blob", "block", "block list", "range", "file"],
)
def test_a_body_is_compared_with_its_checksum(ask: Ask, call: Call) -> None:
    block = Call("blob", "PUT", "box/b?comp=block&blockid=MQ==", (), b"12345")
    wrong, right = (
        Call(call.service, call.method, call.path, (*call.headers, ("x-ms-content-crc64", checksum)), call.body)
        for checksum in (crc64(b"other"), crc64(call.body))
    )
    _, refused, missing, accepted = ask(block, wrong, Call("blob", "GET", "box/b"), right)

    assert (refused.status, dict(refused.headers)["x-ms-error-code"]) == (400, "Crc64Mismatch")
    assert missing.status == 404
    assert (accepted.status, dict(accepted.headers)["x-ms-content-crc64"]) == (201, crc64(call.body))
