"""Cookies work during a recording and in its replay, and no cassette contains their values."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from harness.errors import CassetteError
from harness.recording import load_cassette
from harness.recording.cassette import save_cassette
from harness.recording.cookies import without_lifetime, without_value
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse

Open = Callable[..., AbstractContextManager[requests.Session]]
DATE = "Wed, 09 Jun 2027 10:18:14 GMT"


class SignIn(BaseHTTPRequestHandler):
    """/in sets two cookies, /out deletes one, other paths return the cookies of the request."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/in":
            self.send_header("Set-Cookie", "session=alpha-secret-of-server; Path=/; HttpOnly")
            self.send_header("Set-Cookie", "theme=beta; Expires=Wed, 09 Jun 2049 10:18:14 GMT; Path=/")
        if self.path == "/out":
            self.send_header("Set-Cookie", "session=; Max-Age=0; Path=/")
        body = self.headers.get("Cookie", "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SignIn) as listening:
        thread = Thread(target=partial(listening.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def sign_in_and_out(session: requests.Session, server: str) -> list[list[str]]:
    """The names of the cookies of a session after each request."""
    names = []
    for path in ("/in", "/who", "/out"):
        session.get(server + path)
        names.append(sorted(session.cookies.keys()))
    return names


def test_every_cookie_is_kept_while_recording_and_in_replay(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        recorded = sign_in_and_out(session, server)
        cookie = session.get(f"{server}/again").text

    with open_recorded("replay") as session:
        replayed = sign_in_and_out(session, server)
    assert recorded == replayed == [["session", "theme"], ["session", "theme"], ["theme"]]
    assert cookie == "theme=beta"


def test_every_line_is_a_header_of_its_own(server: str, open_recorded: Open) -> None:
    with open_recorded("record") as session:
        assert len(session.get(f"{server}/in").raw.headers.getlist("Set-Cookie")) == 2

    with open_recorded("replay") as session:
        lines = session.get(f"{server}/in").raw.headers.getlist("Set-Cookie")
    assert lines == ["session=scrubbed; Path=/; HttpOnly", "theme=scrubbed; Path=/"]


def test_the_value_of_a_cookie_is_in_no_place_of_the_cassette(server: str, open_recorded: Open, cassette: Path) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/in")
        assert "alpha-secret-of-server" in session.get(f"{server}/who").text

    assert "alpha-secret-of-server" not in cassette.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b", "a=scrubbed"),
        ("a=b; Path=/; Secure", "a=scrubbed; Path=/; Secure"),
        ("a=; Max-Age=0", "a=; Max-Age=0"),
        ("a", "a"),
    ],
)
def test_a_value_is_replaced_and_attributes_are_kept(line: str, expected: str) -> None:
    assert without_value(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b; Max-Age=3600; Secure", "a=b; Secure"),
        ("a=b; Max-Age=0; Expires=Wed, 09 Jun 2049 10:18:14 GMT", "a=b; Max-Age=0"),
        ("a=b; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:01 GMT", "a=b"),
        ("a=b; Max-Age=soon; Expires=Wed, 09 Jun 2027 10:18:13 GMT", "a=b; Max-Age=0"),
        ("a=; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/x", "a=; path=/x; Max-Age=0"),
    ],
)
def test_a_cookie_outlives_the_years_between_recording_and_replay(line: str, expected: str) -> None:
    assert without_lifetime(line, DATE) == expected


def test_a_response_without_a_date_deletes_cookies_of_the_last_century() -> None:
    assert without_lifetime("a=; Expires=Thu, 01 Jan 1970 00:00:01 GMT", None) == "a=; Max-Age=0"
    assert without_lifetime("b=c; Expires=Wed, 09 Jun 2027 10:18:14 GMT", None) == "b=c"


def test_a_cookie_of_another_tools_cassette_that_has_expired_since_is_kept(
    tmp_path: Path, open_recorded: Open, cassette: Path
) -> None:
    cassette.parent.mkdir()
    cassette.write_text(
        "interactions:\n- request: {body: null, headers: {}, method: GET, uri: 'https://a.example/'}\n"
        "  response:\n    body: {string: ''}\n    headers:\n"
        "      set-cookie: ['a=b; Expires=Wed, 09 Jun 2010 10:18:14 GMT']\n"
        "      date: ['Wed, 02 Jun 2010 10:18:14 GMT']\n"
        "    status: {code: 200, message: OK}\nversion: 1\n"
    )

    with open_recorded("replay") as session:
        session.get("https://a.example/")
        assert session.cookies.keys() == ["a"]


def test_a_cassette_with_the_value_of_a_cookie_is_not_written(tmp_path: Path) -> None:
    response = RecordedResponse(200, "OK", {}, b"", ("session=alpha",))

    with pytest.raises(CassetteError, match=r"the response headers of GET / would hold a secret header \(Set-Cookie\)"):
        save_cassette(tmp_path / "a.json", [Interaction(RecordedRequest("GET", "https://a/"), response)], {})


def test_cookies_of_another_tools_cassette_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "interactions:\n- request: {body: null, headers: {}, method: GET, uri: 'https://a/'}\n"
        "  response:\n    body: {string: ''}\n    headers:\n      set-cookie: [a=b, 'c=d; Expires=Wed, 09 Jun 2049']\n"
        "    status: {code: 200, message: OK}\nversion: 1\n"
    )

    assert load_cassette(tmp_path / "a.yaml")[0].response.cookies == ("a=b", "c=d; Expires=Wed, 09 Jun 2049")
