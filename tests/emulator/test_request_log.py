"""The log of requests and responses, which holds no secrets."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.fileshare import ResourceTypes, ShareServiceClient, generate_account_sas

from harness.cli import main
from harness.cli.emulator.log import last_lines, new_lines
from harness.emulator import request_log
from harness.emulator.context import Response
from harness.emulator.launch import launch
from harness.emulator.request_log import RequestLog, entry_of, without_secrets
from harness.request_entry import RequestEntry

ENTRY = RequestEntry("2026-01-01T00:00:00.000Z", "GET", "http://127.0.0.1/a", 404, 1.5, "ResourceNotFound")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RequestEntry]]:
    """The log of an emulator whose clients wrote a file, read a missing one by SAS, and were refused."""
    path = tmp_path_factory.mktemp("a log") / "requests.log"
    with launch(log=path) as endpoint:
        settings = {"proxies": {"https": endpoint.proxy_url}, "connection_verify": endpoint.ca_path}
        url = f"https://{endpoint.storage_account}.file.core.windows.net"
        with ShareServiceClient(url, endpoint.storage_key, **settings) as shares:
            shares.create_share("data").get_file_client("a.txt").upload_file(b"x")
        sas = generate_account_sas(
            endpoint.storage_account, endpoint.storage_key, ResourceTypes(object=True), "r", "2099-01-01"
        )
        missing = requests.get(f"{endpoint.file_url}/{endpoint.storage_account}/data/b.txt?{sas}", timeout=60)
        assert missing.status_code == 404
        proxies = {"https": endpoint.proxy_url}
        refused = requests.get(
            "https://management.azure.com/subscriptions", proxies=proxies, verify=endpoint.ca_path, timeout=60
        )
        assert refused.status_code == 401
    lines = path.read_bytes().splitlines()
    return path, [msgspec.json.decode(line, type=RequestEntry) for line in lines]


def test_every_request_is_logged_with_its_status(logged: tuple[Path, list[RequestEntry]]) -> None:
    entries = logged[1]
    rows = [
        (entry.method, entry.url.partition("?")[0].rpartition("/")[2], entry.status, entry.error) for entry in entries
    ]

    assert ("PUT", "data", 201, "") in rows
    assert ("PUT", "a.txt", 201, "") in rows
    assert ("GET", "b.txt", 404, "ResourceNotFound") in rows
    assert ("GET", "subscriptions", 401, "AuthenticationFailed") in rows
    assert all(entry.milliseconds >= 0 and entry.time.endswith("Z") for entry in entries)


def test_a_signature_is_cut(logged: tuple[Path, list[RequestEntry]]) -> None:
    [missing] = [entry.url for entry in logged[1] if "b.txt" in entry.url]

    assert "&sig=..." in missing
    assert "se=2099-01-01" in missing


def test_only_its_owner_reads_it(logged: tuple[Path, list[RequestEntry]]) -> None:
    assert logged[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("query", "cut"),
    [
        (b"sig=abc%2F%3D&sv=1", "sig=...&sv=1"),
        (b"sv=1&SIG=abc", "sv=1&SIG=..."),
        (b"client_secret=x&a=b", "client_secret=...&a=b"),
        (b"access_token=x", "access_token=..."),
        (b"subscription-key=x&code=y", "subscription-key=...&code=..."),
        (b"%73ig=abc&client%5Fsecret=x", "%73ig=...&client%5Fsecret=..."),
        (b"comp=list&prefix=sig", "comp=list&prefix=sig"),
        (b"design=1&assigned=2", "design=1&assigned=2"),
    ],
)
def test_secrets_are_cut_from_an_address(query: bytes, cut: str) -> None:
    assert without_secrets("http://h", b"/p", query) == f"http://h/p?{cut}"


def test_an_address_is_bounded() -> None:
    assert len(without_secrets("http://h", b"/" + b"p" * 60_000, b"")) < 2100


def test_a_dropped_request_is_logged_as_one() -> None:
    scope = {"headers": [], "method": "GET", "scheme": "http", "raw_path": b"/", "query_string": b""}
    entry = entry_of(scope, None, now=datetime(2026, 1, 1, tzinfo=UTC), seconds=0.001)

    assert (entry.status, entry.error, entry.milliseconds) == (0, "ConnectionDropped", 1.0)
    assert "GET    ---" in entry.line()


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"error": {"code": "A"}}', "A"), (b'{"error": "B"}', "B"), (b"[]", ""), (b"\xff", ""), (b"", "")],
)
def test_an_error_s_code_is_in_the_body_where_no_header_has_it(body: bytes, code: str) -> None:
    scope = {"headers": [], "method": "GET", "scheme": "http", "raw_path": b"/", "query_string": b""}
    assert entry_of(scope, Response(400, body), now=datetime(2026, 1, 1, tzinfo=UTC), seconds=0).error == code


def write(path: Path, count: int) -> None:
    async def add() -> None:
        log = RequestLog(path)
        for _ in range(count):
            log.add(ENTRY)
            await asyncio.sleep(0)

    asyncio.run(add())


def test_a_log_begins_again_when_it_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "_LARGEST", 500)
    path = tmp_path / "requests.log"
    write(path, 6)

    sizes = [file.stat().st_size for file in (path, tmp_path / "requests.log.1")]
    assert all(0 < size <= 500 for size in sizes)


def test_a_log_that_cannot_be_written_fails_no_request(tmp_path: Path) -> None:
    write(tmp_path, 2)  # a directory
    write(tmp_path / "missing" / "requests.log", 2)


def test_the_command_prints_the_last_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "requests.log", 5)
    with (tmp_path / "requests.log").open("ab") as stream:
        stream.write(b'{"time": "half')

    assert main(["emulator", "log", "--dir", str(tmp_path), "--lines", "2"]) == 0
    assert capsys.readouterr().out == (
        '2026-01-01T00:00:00.000Z GET    404      1.5 ms  http://127.0.0.1/a  ResourceNotFound\n{"time": "half\n'
    )
    assert main(["emulator", "log", "--dir", str(tmp_path), "--json", "-n", "6"]) == 0
    assert capsys.readouterr().out.count('"status":404') == 5


def test_a_directory_without_a_log_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "log", "--dir", str(tmp_path)]) == 2
    assert f"{tmp_path / 'requests.log'} does not exist; start the emulator without --no-log" in capsys.readouterr().err


def test_lines_are_followed_also_when_the_log_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    write(path, 1)
    followed: list[bytes] = []
    lines = new_lines(path)

    def follow() -> None:
        for line in lines:
            followed.append(line)
            if line == b"second":
                return

    reader = threading.Thread(target=follow)
    reader.start()
    while not followed:  # the reader skips lines that were written before it has found the end of the file
        with path.open("ab") as stream:
            stream.write(b"first\n")
        reader.join(0.05)
    path.replace(tmp_path / "requests.log.1")
    path.write_bytes(b"second\n")
    reader.join(60)

    assert not reader.is_alive()
    assert followed[0] == b"first"
    assert last_lines(tmp_path / "none", 3) == []


def test_storage_at_its_ports_is_logged_too(tmp_path: Path) -> None:
    with launch(only="storage", log=tmp_path / "requests.log") as endpoint:
        with BlobServiceClient.from_connection_string(endpoint.connection_string) as blobs:
            blobs.create_container("box")
        url = f"{endpoint.blob_url}/devstoreaccount1/box?restype=container"
    [line] = (tmp_path / "requests.log").read_bytes().splitlines()

    assert msgspec.json.decode(line, type=RequestEntry).url == url


def test_a_log_that_has_grown_by_much_is_followed_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    path.touch()
    lines = new_lines(path)
    first: list[bytes] = []
    reader = threading.Thread(target=lambda: first.append(next(lines)))
    reader.start()
    expected_lines = [b"%07d" % number for number in range(300_000)]  # 2.4 MB
    while not first:
        with path.open("ab") as stream:
            stream.write(b"".join(line + b"\n" for line in expected_lines))
        reader.join(0.05)

    expected = expected_lines[expected_lines.index(first[0]) + 1 :]
    assert [next(lines) for _ in expected] == expected


def test_a_line_without_an_end_does_not_stop_the_log_from_being_followed(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    path.touch()
    lines = new_lines(path)
    followed: list[bytes] = []
    reader = threading.Thread(target=lambda: followed.extend(next(lines) for _ in range(4)))
    reader.start()
    while reader.is_alive():
        with path.open("ab") as stream:
            stream.write(b"x" * (3 << 20) + b"\nlast\n")
        reader.join(0.05)

    assert max(map(len, followed)) <= 1 << 20
