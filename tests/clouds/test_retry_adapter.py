"""Retries, on a fake network whose responses a test defines."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from harness.clock import SteppingClock
from harness.clouds.recent_writes import RecentWrites
from harness.clouds.remaining_requests import RemainingRequests
from harness.clouds.retry_adapter import NoAnswerError, RetryAdapter
from harness.clouds.retry_policy import LOCAL, RetryPolicy
from harness.recording.http_messages import rebuild_response
from harness.recording.interactions import RecordedResponse

URL = "https://management.azure.com/thing"
SIGNED = f"{URL}?sig=geheim"
POLICY = RetryPolicy(first=1.0, longest=4.0, total=100.0, visibility=10.0, tries=4, unreachable_tries=2)

Reaction = int | tuple[int, dict[str, str]] | Exception


class Network(BaseAdapter):
    """Returns or raises the given reactions one after the other, and then the last one; keeps the requests."""

    def __init__(self, reactions: list[Reaction]) -> None:
        super().__init__()
        self.reactions = reactions
        self.requests: list[str] = []
        self.timeouts: list[object] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.requests.append(f"{request.method} {request.body or ''!s}".strip())
        self.timeouts.append(options.get("timeout"))
        reaction = self.reactions.pop(0) if len(self.reactions) > 1 else self.reactions[0]
        if isinstance(reaction, Exception):
            raise reaction
        status, headers = reaction if isinstance(reaction, tuple) else (reaction, {})
        return rebuild_response(
            request, RecordedResponse(status, "", headers, b"" if request.method == "HEAD" else b"body")
        )

    def close(self) -> None:
        pass


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


Connect = Callable[..., tuple[requests.Session, Network]]


@pytest.fixture
def connect(clock: SteppingClock) -> Iterator[Connect]:
    """Open a session over a network with given reactions."""
    sessions: list[requests.Session] = []

    def open_session(
        *reactions: Reaction, retry_policy: RetryPolicy = POLICY, has_ended: bool = False
    ) -> tuple[requests.Session, Network]:
        network, session = Network(list(reactions)), requests.Session()
        session.trust_env = False
        session.mount(
            "https://",
            RetryAdapter(
                network,
                retry_policy=retry_policy,
                clock=clock,
                recent_writes=RecentWrites(clock),
                remaining=RemainingRequests(clock),
                has_ended=lambda: has_ended,
                seed=1,
            ),
        )
        sessions.append(session)
        return session, network

    yield open_session
    for session in sessions:
        session.close()


def refused_connection(host: str = "management.azure.com") -> requests.ConnectionError:
    reason = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPSConnection(host), "refused")
    pool = urllib3.HTTPSConnectionPool(host)
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, SIGNED, reason))


@pytest.mark.parametrize(
    "failure",
    [
        429,
        500,
        503,
        requests.ConnectionError("aborted"),
        requests.ReadTimeout("late"),
        requests.exceptions.ChunkedEncodingError("broken"),
        urllib3.exceptions.ProtocolError("broken"),
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again(connect: Connect, failure: Reaction) -> None:
    session, network = connect(failure, failure, 200)
    assert session.put(URL, data="all of it").status_code == 200
    assert network.requests == ["PUT all of it"] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_other_refusals_are_taken_at_once(connect: Connect, clock: SteppingClock, status: int) -> None:
    session, network = connect(status)
    assert session.get(URL).status_code == status
    assert (len(network.requests), clock.monotonic()) == (1, 0)


def test_the_last_refusal_is_handed_on(connect: Connect) -> None:
    session, network = connect(503)
    assert session.get(URL).status_code == 503
    assert len(network.requests) == POLICY.tries


def test_an_emulator_that_has_ended_is_asked_once(connect: Connect, clock: SteppingClock) -> None:
    session, network = connect(refused_connection(), has_ended=True)
    with pytest.raises(NoAnswerError, match=r"gave no answer .*; the emulator has ended"):
        session.get(URL)
    assert (len(network.requests), clock.monotonic()) == (1, 0)


def test_a_retry_after_passes_on_the_clouds_clock(connect: Connect, clock: SteppingClock) -> None:
    session, _ = connect((429, {"Retry-After": "17"}), 200)
    assert session.get(URL).status_code == 200
    assert clock.monotonic() == 17


def test_requests_slow_down_before_they_are_refused(connect: Connect, clock: SteppingClock) -> None:
    session, _ = connect((200, {"x-ms-ratelimit-remaining-subscription-reads": "0"}), 200)
    session.get(URL)
    session.put(URL)
    assert clock.monotonic() == 0
    session.get(URL)
    assert clock.monotonic() == 2
    session.get(URL)
    assert clock.monotonic() == 2


def test_what_gave_no_answer_is_reported_without_its_address(connect: Connect) -> None:
    session, _ = connect(
        requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", OSError("reset")))
    )
    with pytest.raises(
        requests.ConnectionError,
        match=r"^management.azure.com gave no answer \(OSError: reset\); given up after 4 tries",
    ) as caught:
        session.get(SIGNED)
    assert "geheim" not in str(caught.value)


def test_a_refused_connection_is_reported_sooner_and_without_the_address(connect: Connect) -> None:
    session, network = connect(refused_connection())
    with pytest.raises(requests.ConnectionError, match="given up after 2 tries") as caught:
        session.get(SIGNED)
    assert len(network.requests) == 2
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "message",
    ["CERTIFICATE_VERIFY_FAILED: self-signed certificate", "Tunnel connection failed: 403 Forbidden"],
)
def test_what_will_not_pass_is_not_asked_again(connect: Connect, message: str) -> None:
    session, network = connect(requests.exceptions.SSLError(OSError(message)))
    with pytest.raises(requests.ConnectionError, match=message):
        session.get(URL)
    assert len(network.requests) == 1


def test_a_stream_that_was_sent_is_not_sent_again(connect: Connect) -> None:
    session, network = connect(503, 200)
    assert session.put(URL, data=iter([b"once"])).status_code == 503
    assert len(network.requests) == 1


def test_nothing_is_waited_for_without_end(connect: Connect) -> None:
    session, network = connect(200)
    session.get(URL)
    session.get(URL, timeout=3)
    session.get(URL, timeout=(1, 2000))
    assert network.timeouts == [(20, 120), (3, 3), (1, 120)]


class TestCreations:
    """A 404 of a resource that this process has just created is retried."""

    def test_it_is_asked_for_again(self, connect: Connect) -> None:
        session, network = connect(201, 404, 404, 200)
        session.put(f"{URL}?restype=share")
        assert session.get(f"{URL.upper().replace('HTTPS', 'https')}?comp=metadata").status_code == 200
        assert len(network.requests) == 4

    def test_until_the_grace_is_over(self, connect: Connect, clock: SteppingClock) -> None:
        session, _ = connect(201, 404)
        session.put(URL)
        assert session.head(URL).status_code == 404
        assert clock.monotonic() <= POLICY.visibility

    def test_a_404_of_what_was_created_long_ago_is_final(self, connect: Connect, clock: SteppingClock) -> None:
        session, network = connect(201, 404)
        session.put(URL)
        clock.sleep(POLICY.visibility + 1)
        session.get(URL)
        assert len(network.requests) == 2

    @pytest.mark.parametrize("deleted", [URL, URL.rpartition("/")[0]])
    def test_a_404_of_what_is_deleted_or_below_it_is_final(self, connect: Connect, deleted: str) -> None:
        session, network = connect(201, 202, 404)
        session.put(URL)
        session.delete(deleted)
        session.get(URL)
        assert len(network.requests) == 3

    def test_what_could_not_be_created_is_not_there(self, connect: Connect) -> None:
        session, network = connect(400, 404)
        session.put(URL)
        session.get(URL)
        assert len(network.requests) == 2


class TestClocks:
    """A refusal by a service whose clock differs from the local one."""

    def dated(self, minutes: float) -> tuple[int, dict[str, str]]:
        moment = datetime(2018, 6, 7, tzinfo=UTC) + timedelta(minutes=minutes)
        return 403, {"Date": format_datetime(moment, usegmt=True)}

    def test_it_is_asked_again(self, connect: Connect) -> None:
        session, _ = connect(self.dated(20), 200)
        assert session.get(URL).status_code == 200

    @pytest.mark.parametrize(
        ("minutes", "message"), [(20, "is 20 minutes behind that of"), (-7, "is 7 minutes ahead of that of")]
    )
    def test_one_that_stays_wrong_is_reported(self, connect: Connect, minutes: float, message: str) -> None:
        session, _ = connect(self.dated(minutes))
        with pytest.raises(requests.ConnectionError, match=f"{message} management.azure.com.*timedatectl"):
            session.get(URL)

    @pytest.mark.parametrize("minutes", [-4, 0, 4])
    def test_a_clock_that_is_right_is_not_blamed(self, connect: Connect, minutes: float) -> None:
        session, network = connect(self.dated(minutes))
        assert session.get(URL).status_code == 403
        assert len(network.requests) == 1

    def test_a_wrong_secret_is_not_blamed_on_it(self, connect: Connect) -> None:
        session, network = connect(self.dated(20))
        assert session.post("https://login.microsoftonline.com/t/oauth2/v2.0/token").status_code == 403
        assert len(network.requests) == 1


def test_a_connection_that_breaks_in_the_body_is_asked_again(
    connect: Connect, raw_server: Callable[[list[bytes]], str], clock: SteppingClock
) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"
    complete = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ncomplete"
    with requests.Session() as session:
        session.trust_env = False
        real = requests.adapters.HTTPAdapter()
        adapter = RetryAdapter(
            real,
            retry_policy=LOCAL,
            clock=clock,
            recent_writes=RecentWrites(clock),
            remaining=RemainingRequests(clock),
        )
        session.mount("http://", adapter)
        assert session.get(raw_server([half, b"", complete])).content == b"complete"


@pytest.fixture
def raw_server() -> Iterator[Callable[[list[bytes]], str]]:
    """A server that sends each connection the next of some responses, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threads = []

        def serve(responses: list[bytes]) -> str:
            def respond() -> None:
                for response in responses:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(response)

            threads.append(threading.Thread(target=respond))
            threads[-1].start()
            return f"http://127.0.0.1:{server.getsockname()[1]}/"

        yield serve
        for thread in threads:
            thread.join(10)
