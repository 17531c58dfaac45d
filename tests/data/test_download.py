"""Fetching from mirrors, over real HTTP."""

import fcntl
import hashlib
import random
import socket
from pathlib import Path

import pytest
import requests

from harness.data.download import RemoteFile, download
from harness.errors import DownloadError
from tests.data.conftest import Mirrors

CONTENT = random.Random(7).randbytes(300_000)
FILE = RemoteFile("file.gz", hashlib.md5(CONTENT).hexdigest())


class Fetch:
    """Downloads the file from mirrors with given behaviours; ``events`` are its reports of progress."""

    def __init__(self, mirrors: Mirrors, directory: Path) -> None:
        self._mirrors, self._directory = mirrors, directory
        self.events: list[tuple[str, int, int | None]] = []

    def __call__(self, *behaviours: str) -> Path:
        addresses = [word if "://" in word else self._mirrors.url(word) for word in behaviours]
        self.events = []
        with requests.Session() as session:
            return download(
                FILE,
                self._directory,
                mirrors=addresses,
                session=session,
                progress=lambda *args: self.events.append(args),
            )


@pytest.fixture
def fetch(mirrors: Mirrors, tmp_path: Path) -> Fetch:
    mirrors.files["file.gz"] = CONTENT
    return Fetch(mirrors, tmp_path)


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_file_arrives_whole_and_its_progress_is_reported(fetch: Fetch, tmp_path: Path) -> None:
    assert fetch("good").read_bytes() == CONTENT
    assert fetch.events[0] == ("file.gz", 0, len(CONTENT))
    assert fetch.events[-1] == ("file.gz", len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["file.gz"]


def test_a_good_file_is_not_fetched_again(fetch: Fetch, mirrors: Mirrors) -> None:
    fetch("good")
    mirrors.requests.clear()
    fetch("good")
    assert mirrors.requests == []


def test_a_damaged_file_is_fetched_again(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"damaged")
    assert fetch("good").read_bytes() == CONTENT


def test_an_interrupted_transfer_continues_where_it_stopped(fetch: Fetch, mirrors: Mirrors) -> None:
    assert fetch("cut").read_bytes() == CONTENT
    assert [behaviour for behaviour, _ in mirrors.requests] == ["cut", "cut"]
    assert mirrors.requests[1][1] > "bytes=1"


def test_what_one_mirror_began_another_ends(fetch: Fetch, mirrors: Mirrors) -> None:
    assert fetch("broken", "good").read_bytes() == CONTENT
    assert mirrors.requests[-1][0] == "good"
    assert mirrors.requests[-1][1] > "bytes=1"


def test_a_later_call_continues_where_an_earlier_one_stopped(fetch: Fetch, mirrors: Mirrors, tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        fetch("broken")
    size = (tmp_path / "file.gz.part").stat().st_size
    assert 0 < size < len(CONTENT)
    assert fetch("good").read_bytes() == CONTENT
    assert mirrors.requests[-1] == ("good", f"bytes={size}-")


def test_a_mirror_that_knows_no_ranges_sends_the_whole_again(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:1000])
    assert fetch("dull").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"wrong" * 10, CONTENT + b"more", CONTENT])
def test_what_was_there_from_before_cannot_spoil_the_file(fetch: Fetch, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "file.gz.part").write_bytes(part)
    assert fetch("good").read_bytes() == CONTENT


def test_a_wrong_checksum_sends_it_to_the_next_mirror(fetch: Fetch, mirrors: Mirrors) -> None:
    assert fetch("wrong", "none", "good").read_bytes() == CONTENT
    assert [behaviour for behaviour, _ in mirrors.requests] == ["wrong", "none", "good"]


def test_when_all_fail_each_says_why_and_nothing_is_there(fetch: Fetch, unused_port: int, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch("wrong", "none", f"http://127.0.0.1:{unused_port}/")
    for words in ("wrong checksum", "answered 404 Not Found", f"127.0.0.1:{unused_port}: the connection failed"):
        assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_proxy_that_refuses_is_named_without_its_credentials(
    fetch: Fetch, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@127.0.0.1:{unused_port}")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(DownloadError, match="the proxy did not connect") as caught:
        fetch("https://data.example/")
    assert "hush" not in str(caught.value)


def test_a_proxy_of_the_environment_is_used(fetch: Fetch, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{mirrors.port}")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(DownloadError):
        fetch("http://data.example/")
    assert mirrors.requests == []  # the server saw an absolute address, which its handler does not take


def test_two_processes_do_not_fetch_one_file_at_once(fetch: Fetch, tmp_path: Path) -> None:
    with (tmp_path / "file.gz.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="by another process"):
            fetch("good")
