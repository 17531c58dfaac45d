"""Recording: requests are sent unchanged, and a copy of each exchange is kept for the cassette."""

import threading
from typing import Any

import requests
from requests.adapters import BaseAdapter

from harness.recording.bodies import upload_marker
from harness.recording.http_messages import is_sign_in, plain_headers, rebuild_response, recorded_response, request_body
from harness.recording.interactions import Interaction, RecordedRequest


class Tape:
    """Interactions of all threads, in the order in which their requests were sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: list[Interaction | None] = []

    def begin(self) -> int:
        """Reserve the next slot in the cassette."""
        with self._lock:
            self._slots.append(None)
            return len(self._slots) - 1

    def finish(self, slot: int, interaction: Interaction) -> None:
        """Fill a reserved slot; one that is never filled, because the connection was lost, is omitted."""
        self._slots[slot] = interaction

    def interactions(self) -> list[Interaction]:
        """All finished interactions."""
        with self._lock:
            return [item for item in self._slots if item is not None]


class RecordingAdapter(BaseAdapter):
    """Passes requests to the real adapter and puts a copy of each exchange on the tape."""

    def __init__(self, real: BaseAdapter, tape: Tape) -> None:
        super().__init__()
        self._real = real
        self._tape = tape

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request, read the complete response, and return it as if it still had to be streamed."""
        if is_sign_in(request.url or ""):
            return self._real.send(request, *args, **options)
        slot = self._tape.begin()
        recorded_request = _request_record(request)
        response = self._real.send(request, **(options | {"stream": True}))
        with response:
            body = response.raw.read(decode_content=True)
        recorded = recorded_response(response, body)
        self._tape.finish(slot, Interaction(recorded_request, recorded))
        return rebuild_response(request, recorded)

    def close(self) -> None:
        """Close the real adapter."""
        self._real.close()


def _request_record(request: requests.PreparedRequest) -> RecordedRequest:
    url = request.url or ""
    return RecordedRequest(
        (request.method or "GET").upper(),
        url,
        plain_headers(request.headers),
        upload_marker(url, request_body(request)),
    )
