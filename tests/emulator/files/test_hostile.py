"""No request makes the emulator fail or changes a byte outside the share; every response has Azure's form."""

import http.client
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest
from azure.storage.fileshare import ResourceTypes, ShareServiceClient, generate_account_sas
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint

SHARE = "hostile"
METHODS = st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST", "PATCH", "OPTIONS"])
COMPONENTS = [
    "list",
    "range",
    "rangelist",
    "metadata",
    "properties",
    "acl",
    "stats",
    "lease",
    "copy",
    "rename",
    "snapshot",
    "undelete",
    "filepermission",
    "listhandles",
    "forceclosehandles",
    "block",
    "blocklist",
    "x",
    "",
]
NAMES = st.sampled_from(
    ["a", "..", ".", "%2e%2e", "%2f", "%5c", "%00", "%ff", "con", "d", "f", "A" * 300, "%c3%bc", "a:b"]
)
VALUES = st.sampled_from(
    [
        "0",
        "-1",
        "1",
        "true",
        "bytes=0-0",
        "bytes=0-",
        "bytes=9-1",
        "bytes=0-99999999999999999999",
        "update",
        "clear",
        "XSM/1.0; properties=crc64",
        "file",
        "now",
        "None",
        "acquire",
        "break",
        "include",
        "2020-01-01T00:00:00Z",
        "http://x/y",
        "https://a.file.core.windows.net/b/c",
        "1e9",
        "0x10",
        "é",
        "*",
        '"0x1"',
        "",
        " ",
        "9" * 30,
        "Wed, 01 Jan 2020 00:00:00 GMT",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "range",
            "if-match",
            "if-modified-since",
            "content-md5",
            "x-ms-access-tier",
            "x-ms-blob-public-access",
            "x-ms-blob-type",
            "x-ms-content-length",
            "x-ms-content-md5",
            "x-ms-copy-action",
            "x-ms-copy-source",
            "x-ms-date",
            "x-ms-delete-snapshots",
            "x-ms-deleted-share-name",
            "x-ms-file-attributes",
            "x-ms-file-creation-time",
            "x-ms-file-permission",
            "x-ms-file-permission-key",
            "x-ms-file-rename-source",
            "x-ms-handle-id",
            "x-ms-lease-action",
            "x-ms-lease-duration",
            "x-ms-lease-id",
            "x-ms-meta-",
            "x-ms-meta-a",
            "x-ms-meta-a.b",
            "x-ms-mode",
            "x-ms-proposed-lease-id",
            "x-ms-range",
            "x-ms-range-get-content-md5",
            "x-ms-share-quota",
            "x-ms-source-range",
            "x-ms-structured-body",
            "x-ms-structured-content-length",
            "x-ms-content-crc64",
            "x-ms-type",
            "x-ms-version",
            "x-ms-write",
        ]
    ),
    VALUES,
    max_size=5,
)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            "prefix",
            "marker",
            "maxresults",
            "include",
            "sharesnapshot",
            "prevsharesnapshot",
            "timeout",
            "copyid",
            "blockid",
            "blocklisttype",
            "delimiter",
            "sv",
            "se",
            "sig",
            "sp",
        ]
    ),
    VALUES,
    max_size=3,
)
BODIES = st.sampled_from(
    [
        b"", b"x", b"<a/>", b"{}", b"\xff\xfe", b"<SignedIdentifiers>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<BlockList><Latest>!</Latest></BlockList>",
        b"<StorageServiceProperties><Cors/></StorageServiceProperties>",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def token(storage: Endpoint) -> Iterator[str]:
    """A signature that allows everything, for an existing share."""
    with ShareServiceClient.from_connection_string(storage.connection_string) as service:
        share = service.create_share(SHARE)
        share.create_directory("d")
        share.get_file_client("f").upload_file(b"hello")
        everything = ResourceTypes(service=True, container=True, object=True)
        expiry = datetime.now(UTC) + timedelta(hours=1)
        name, key = storage.storage_account, storage.storage_key
        yield generate_account_sas(name, key, everything, "rwdlacupi", expiry, services="bf")
        if SHARE in [listed_share.name for listed_share in service.list_shares()]:
            service.delete_share(SHARE, delete_snapshots="include-leased")


def ask(url: str, method: str, target: str, headers: dict[str, str], body: bytes) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


@dataclass(frozen=True)
class Call:
    method: str
    service: str
    names: list[str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    signed: bool


KINDS = ["", "share", "directory", "container", "service", "x"]
CALLS = st.builds(
    lambda component, kind, query, **rest: Call(query={"comp": component, "restype": kind} | query, **rest),
    component=st.sampled_from(COMPONENTS),
    kind=st.sampled_from(KINDS),
    query=QUERIES,
    method=METHODS,
    service=st.sampled_from(["file", "blob"]),
    names=st.lists(NAMES, max_size=3),
    headers=HEADERS,
    body=BODIES,
    signed=st.booleans(),
)


@settings(max_examples=400)
@given(call=CALLS)
def test_nothing_that_is_sent_is_the_emulators_fault(storage: Endpoint, token: str, call: Call) -> None:
    url = storage.file_url if call.service == "file" else storage.blob_url
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in call.query.items() if value)
    path = "/".join(["", storage.storage_account, SHARE, *call.names])
    response = ask(url, call.method, f"{path}?{text}&{token if call.signed else ''}", call.headers, call.body)

    is_refused_by_name = response.status == 501 and response.headers["x-ms-error-code"] == "NotImplemented"
    assert response.status < 500 or is_refused_by_name, (response.status, response.headers)
    assert response.headers["x-ms-request-id"]


@pytest.mark.parametrize(
    "path",
    [
        "../../x",
        "..%2f..%2fx",
        "%2e%2e/%2e%2e/x",
        "d/..%5c..%5cx",
        "d/%00",
        "d//x",
        "d/" + "y" * 3000,
        "%c0%ae%c0%ae/x",
    ],
)
def test_no_name_leads_out_of_the_share(storage: Endpoint, token: str, path: str) -> None:
    before = sorted(str(entry) for entry in Path(storage.directory).rglob("*"))
    target = f"/{storage.storage_account}/{SHARE}/{path}?{token}"
    response = ask(storage.file_url, "PUT", target, {"x-ms-type": "file", "x-ms-content-length": "1"}, b"")

    assert 400 <= response.status < 500
    assert sorted(str(entry) for entry in Path(storage.directory).rglob("*")) == before


def test_links_and_devices_in_a_share_are_not_there(storage: Endpoint, token: str, tmp_path: Path) -> None:
    share = Path(storage.directory, "storage", storage.storage_account, "file", SHARE)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (share / "way-out").symlink_to(outside)
    (share / "secret").symlink_to(outside / "secret")
    (share / "pipe").unlink(missing_ok=True)
    os.mkfifo(share / "pipe")
    create = {"x-ms-type": "file", "x-ms-content-length": "0"}
    root = f"/{storage.storage_account}/{SHARE}"
    for name in ("way-out/secret", "secret", "pipe"):
        assert ask(storage.file_url, "GET", f"{root}/{name}?{token}", {}, b"").status == 404
    assert ask(storage.file_url, "PUT", f"{root}/way-out/new?{token}", create, b"").status == 404
    assert ask(storage.file_url, "PUT", f"{root}/secret?{token}", create, b"").status in (404, 409)
    assert (outside / "secret").read_text() == "secret"
    assert [entry.name for entry in outside.iterdir()] == ["secret"]
    for name in ("way-out", "secret", "pipe"):
        (share / name).unlink()


def test_a_range_beyond_all_sense_takes_no_memory(storage: Endpoint, token: str) -> None:
    process = psutil.Process(storage.pid)
    root = f"/{storage.storage_account}/{SHARE}/huge"
    create = {"x-ms-type": "file", "x-ms-content-length": str(4 << 40)}
    assert ask(storage.file_url, "PUT", f"{root}?{token}", create, b"").status == 201
    before = process.memory_info().rss
    for value in (f"bytes=0-{(4 << 40) - 1}", "bytes=0-4398046511104", "bytes=5-1"):
        headers = {"x-ms-range": value, "x-ms-write": "clear"}
        assert ask(storage.file_url, "PUT", f"{root}?comp=range&{token}", headers, b"").status in (201, 400, 416)
    assert ask(storage.file_url, "GET", f"{root}?comp=rangelist&{token}", {}, b"").status == 200
    assert process.memory_info().rss - before < 50 << 20
    assert ask(storage.file_url, "DELETE", f"{root}?{token}", {}, b"").status == 202


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", rb"HTTP/1.1 (400|401|421)"),
        (b"NONSENSE\r\n\r\n", rb"HTTP/1.1 400"),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", rb"HTTP/1.1 4.."),
        (b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", rb"HTTP/1.1 400"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 5 + b"Authorization: SharedKey a:b\r\n\r\n",
            rb"HTTP/1.1 4..",
        ),
    ],
)
def test_what_is_no_request_is_refused(storage: Endpoint, message: bytes, expected: bytes) -> None:
    parts = urlsplit(storage.file_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(message)
        assert re.match(expected, client.recv(1000))


def test_a_client_that_leaves_in_the_middle_of_a_body_harms_no_other(storage: Endpoint, token: str) -> None:
    root = f"/{storage.storage_account}/{SHARE}/half"
    create = {"x-ms-type": "file", "x-ms-content-length": str(1 << 20)}
    assert ask(storage.file_url, "PUT", f"{root}?{token}", create, b"").status == 201
    parts = urlsplit(storage.file_url)
    head = f"PUT {root}?comp=range&{token} HTTP/1.1\r\nHost: x\r\nx-ms-write: update\r\n"
    head += f"x-ms-range: bytes=0-{(1 << 20) - 1}\r\nContent-Length: {1 << 20}\r\n\r\n"
    for _ in range(5):
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
            client.sendall(head.encode() + b"x" * 200_000)

    assert ask(storage.file_url, "HEAD", f"{root}?{token}", {}, b"").headers["content-length"] == str(1 << 20)
