"""The one seam: a ``requests`` session whose adapter records, replays, or does neither."""

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from harness.recording.cassette import fold, load_cassette, save_cassette, upload_marker
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.matching import ReplayIndex, request_key
from harness.recording.scrub import Scrubber, scrub

RecordMode = Literal["live", "record", "replay"]

# Signing in is never part of a story: a replay needs no token, and a cassette must hold none.
_SIGN_IN = re.compile(r"https?://login\.[^/]+/|.*/oauth2/(?:v2\.0/)?token\b")


@contextmanager
def open_session(
    cassette: Path,
    mode: RecordMode,
    *,
    replacements: Mapping[str, str],
    base: Callable[[], requests.Session],
    provenance: Mapping[str, str],
) -> Iterator[requests.Session]:
    """A session that every SDK client of one story shares.

    A recorded story is written when the block ends well, and not at all when it raises.

    Args:
        cassette: the story's file; ignored when ``mode`` is ``live``.
        mode: ``live`` (no cassette), ``record`` (real traffic) or ``replay`` (no traffic, no base session).
        replacements: secret value -> its stable stand-in, for requests and answers.
        base: makes the real session (proxies, trusted CA); not called in replay.
        provenance: what the cassette's head says about where it comes from.

    Raises:
        CassetteError: the cassette is missing or unreadable (replay, at the first request), or would hold a
            secret (record, at the end).
    """
    scrubber = Scrubber(replacements)
    if mode == "replay":
        with requests.Session() as session:
            session.trust_env = False
            _mount(session, ReplayAdapter(cassette, scrubber))
            yield session
        return
    with base() as session:
        if mode == "live":
            yield session
            return
        tape = Tape()
        for prefix, adapter in list(session.adapters.items()):
            session.mount(prefix, RecordingAdapter(adapter, tape))
        yield session
    interactions = fold(scrub(item, scrubber) for item in tape.interactions())
    save_cassette(cassette, interactions, provenance, scrubber.known)


def _mount(session: requests.Session, adapter: BaseAdapter) -> None:
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)


class Tape:
    """Interactions in the order in which their requests were sent, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: list[Interaction | None] = []

    def begin(self) -> int:
        """Reserve the next place of the story."""
        with self._lock:
            self._slots.append(None)
            return len(self._slots) - 1

    def finish(self, place: int, interaction: Interaction) -> None:
        """Fill a reserved place; one that is never filled (a lost connection) leaves no trace."""
        self._slots[place] = interaction

    def interactions(self) -> list[Interaction]:
        """All that were finished."""
        with self._lock:
            return [item for item in self._slots if item is not None]


class RecordingAdapter(BaseAdapter):
    """Passes requests to the real adapter and puts a copy of each exchange on the tape."""

    def __init__(self, real: BaseAdapter, tape: Tape) -> None:
        super().__init__()
        self._real = real
        self._tape = tape

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send for real; the answer is read whole, then handed on as if it still had to be streamed."""
        if _SIGN_IN.match(request.url or ""):
            return self._real.send(request, *args, **options)
        place = self._tape.begin()
        sent = _request_record(request)
        response = self._real.send(request, **(options | {"stream": True}))
        body = response.raw.read(decode_content=True)
        response.raw.release_conn()
        answer = RecordedResponse(response.status_code, response.reason or "", dict(response.headers), body)
        self._tape.finish(place, Interaction(sent, answer))
        return _rebuild(request, answer)

    def close(self) -> None:
        """Close the real adapter."""
        self._real.close()


class ReplayAdapter(BaseAdapter):
    """Answers from a cassette, which is loaded at the first request."""

    def __init__(self, cassette: Path, scrubber: Scrubber) -> None:
        super().__init__()
        self._cassette = cassette
        self._scrubber = scrubber
        self._loading = threading.Lock()

    @cached_property
    def index(self) -> ReplayIndex:
        """The answers."""
        return ReplayIndex(load_cassette(self._cassette), str(self._cassette))

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """The next recorded answer.

        Raises:
            UnmatchedRequestError: there is none.
            CassetteError: there is no cassette.
        """
        del args, options
        uri = self._scrubber.text(request.url or "")
        key = request_key(request.method or "GET", uri, _plain(request.headers))
        with self._loading:
            index = self.index
        return _rebuild(request, index.take(key))

    def close(self) -> None:
        """Nothing is open."""


def _plain(headers: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value.decode("latin-1") if isinstance(value, bytes) else str(value) for name, value in headers.items()
    }


def _request_record(request: requests.PreparedRequest) -> RecordedRequest:
    return RecordedRequest(
        (request.method or "GET").upper(),
        request.url or "",
        _plain(request.headers),
        upload_marker(_sent_bytes(request)),
    )


def _sent_bytes(request: requests.PreparedRequest) -> bytes:
    """What is about to be sent. A file is read and rewound; any other stream is read and put back."""
    body: Any = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if not hasattr(body, "read"):
        data = b"".join(body)
        request.body = data
        return data
    start = body.tell() if hasattr(body, "tell") else None
    content: bytes = body.read()
    if start is None:
        request.body = content
    else:
        body.seek(start)
    return content


def _rebuild(request: requests.PreparedRequest, answer: RecordedResponse) -> requests.Response:
    """A response that can be read at once or streamed, like the one that came over the wire."""
    is_head = request.method == "HEAD"
    dropped = {"content-encoding", "transfer-encoding"} | (set() if is_head else {"content-length"})
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in dropped}
    if not is_head and answer.status not in (204, 304):
        headers["Content-Length"] = str(len(answer.body))
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(answer.body),
        headers=headers,
        status=answer.status,
        reason=answer.reason,
        preload_content=False,
        request_method=request.method,
    )
    return HTTPAdapter().build_response(request, raw)
