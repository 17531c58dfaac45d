"""Recording from a real server and replaying without one."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
import vcr

from harness.errors import CassetteError, UnmatchedRequestError
from harness.recording import blocked_sockets, load_cassette, open_session

Open = Callable[..., AbstractContextManager[requests.Session]]


def test_a_recording_replays_with_sockets_blocked(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        live = session.get(f"{server}/hello").json()

    with open_recorded("replay") as session, blocked_sockets():
        assert session.get(f"{server}/hello").json() == live == {"path": "/hello"}


def test_polls_replay_in_order_and_the_last_one_repeats(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        for _ in range(3):
            session.get(f"{server}/poll")

    with open_recorded("replay") as session:
        states = [session.get(f"{server}/poll").json()["state"] for _ in range(5)]
    assert states == ["running", "running", "done", "done", "done"]


def test_identical_polls_are_folded_with_a_count(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        for _ in range(40):
            session.get(f"{server}/same")

    assert [item.count for item in load_cassette(cassette)] == [40]


def test_a_write_between_two_polls_keeps_them_apart(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/same")
        session.put(f"{server}/same", data=b"x")
        session.get(f"{server}/same")

    assert [item.request.method for item in load_cassette(cassette)] == ["GET", "PUT", "GET"]


def test_no_interaction_of_many_threads_is_lost(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: session.get(f"{server}/item/{n}").content, range(100)))

    assert {item.request.uri for item in load_cassette(cassette)} == {f"{server}/item/{n}" for n in range(100)}


def test_threads_replay_in_any_order(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        for n in range(50):
            session.get(f"{server}/item/{n}")

    with open_recorded("replay") as session, ThreadPoolExecutor(8) as threads:
        received = list(threads.map(lambda n: session.get(f"{server}/item/{n}").json()["path"], reversed(range(50))))
    assert received == [f"/item/{n}" for n in reversed(range(50))]


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_a_streamed_body_arrives_whole(server: str, open_recorded: Open, mode: str) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/bytes")

    with open_recorded(mode) as session, session.get(f"{server}/bytes", stream=True) as response:
        assert b"".join(response.iter_content(1000)) == bytes(range(256)) * 64


def test_ranges_of_one_file_are_different_requests(server: str, open_recorded: Open) -> None:
    ranges = ["bytes=0-9", "bytes=10-19"]
    with open_recorded("record") as session:
        for span in ranges:
            session.get(f"{server}/range", headers={"x-ms-range": span})

    with open_recorded("replay") as session:
        received = [session.get(f"{server}/range", headers={"x-ms-range": span}).text for span in reversed(ranges)]
    assert received == ["part bytes=10-19", "part bytes=0-9"]


def test_the_length_that_head_announces_is_kept(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        session.head(f"{server}/file")

    with open_recorded("replay") as session:
        assert session.head(f"{server}/file").headers["Content-Length"] == "12345"


def test_an_upload_is_kept_as_length_and_digest(
    server: str, open_recorded: Open, cassette: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(b"a" * 5000)
    with open_recorded("record") as session, (tmp_path / "data").open("rb") as file:
        session.put(f"{server}/file", data=file)

    assert load_cassette(cassette)[0].request.body.startswith(b"<5000 bytes, sha256:")


def test_signing_in_is_never_recorded(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        assert "access_token" in session.get(f"{server}/login/oauth2/token").json()

    assert load_cassette(cassette) == []


def test_the_order_of_a_query_and_its_signature_do_not_matter(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/file?a=1&b=2&sig=abcdef&se=2018")

    with open_recorded("replay") as session:
        assert session.get(f"{server}/file?b=2&a=1&se=2026&sig=other").ok


def test_an_unmatched_request_names_the_nearest_and_what_differs(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/jobs/one?api-version=2018-05-01")

    with open_recorded("replay") as session, pytest.raises(UnmatchedRequestError) as failure:
        session.get(f"{server}/jobs/one?api-version=2017-09-01")
    assert "query key api-version: '2017-09-01' was requested, '2018-05-01' recorded" in str(failure.value)


def test_replay_without_a_cassette_says_how_to_record_one(open_recorded: Open) -> None:
    with open_recorded("replay") as session, pytest.raises(CassetteError, match=r"there is no cassette .*--record"):
        session.get("https://management.azure.com/")


def test_a_recording_that_fails_leaves_the_old_cassette(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/old")
    before = cassette.read_bytes()

    with pytest.raises(requests.ConnectionError), open_recorded("record") as session:
        session.get("http://127.0.0.1:1/new")
    assert cassette.read_bytes() == before


def test_we_replay_the_yaml_that_vcrpy_writes(server: str, open_recorded: Open, cassette: Path) -> None:
    with vcr.use_cassette(str(cassette)):
        requests.get(f"{server}/bytes", timeout=5)

    with open_recorded("replay") as session:
        assert session.get(f"{server}/bytes").content == bytes(range(256)) * 64


def test_blocked_sockets_are_as_before_afterwards() -> None:
    def socket_functions() -> list[object]:
        return [vars(socket.socket).get("connect"), vars(socket.socket).get("sendto"), socket.getaddrinfo]

    before = socket_functions()
    with blocked_sockets():
        assert socket_functions() != before
    assert socket_functions() == before


def test_blocked_sockets_name_the_host_and_the_remedy() -> None:
    with (
        blocked_sockets(),
        pytest.raises(UnmatchedRequestError, match=r"example\.invalid:443 (.|\n)*--cloud emulator"),
    ):
        requests.get("https://example.invalid/", timeout=5)


def test_what_a_replay_left_unused_is_reported_when_it_ends(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/one")
        session.get(f"{server}/two")
    reported: list[tuple[Path, list[str]]] = []
    options = {"replacements": {}, "base": requests.Session, "provenance": {}}

    with open_session(
        cassette,
        "replay",
        **options,
        report_unused=lambda path, unused: reported.append((path, [str(item) for item in unused])),
    ) as session:
        session.get(f"{server}/one")

    assert reported == [(cassette, [f"GET {server}/two (1 unused)"])]


def test_a_replay_that_asked_for_everything_reports_nothing(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/one")
    options = {"replacements": {}, "base": requests.Session, "provenance": {}, "report_unused": pytest.fail}

    with open_session(cassette, "replay", **options) as session:
        session.get(f"{server}/one")
