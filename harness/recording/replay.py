"""Replay: an adapter that answers from a cassette, without a network."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from harness.errors import CassetteError
from harness.recording.bodies import upload_marker
from harness.recording.cassette import existing_cassette
from harness.recording.cassette_reader import open_cassette
from harness.recording.cookies import without_lifetime
from harness.recording.http_messages import plain_headers, rebuild_response, request_body
from harness.recording.interactions import date_of
from harness.recording.matching import ReplayIndex, UnusedAnswers
from harness.recording.request_key import request_key
from harness.recording.scrub import Scrubber


class ReplayAdapter(BaseAdapter):
    """Answers from a cassette, which is opened at the first request. Thread-safe.

    Args:
        cassette: the file of the cassette.
        scrubber: scrubs requests as the recording was scrubbed.
    """

    def __init__(self, cassette: Path, scrubber: Scrubber) -> None:
        super().__init__()
        self._cassette = cassette
        self._scrubber = scrubber
        self._scrubbed = lru_cache(maxsize=1024)(scrubber.text)
        self._opening = threading.Lock()

    @cached_property
    def _index(self) -> ReplayIndex:
        path = existing_cassette(self._cassette)
        return ReplayIndex(open_cassette(path), str(path), self._scrubber)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Return the next recorded response.

        Raises:
            UnmatchedRequestError: no such request was recorded.
            CassetteError: the cassette is missing or cannot be read.
        """
        del args, options
        key = request_key(request.method or "GET", self._scrubbed(request.url or ""), plain_headers(request.headers))
        answer = self._open().take(key, lambda: self._scrubber.body(upload_marker(key.url, request_body(request))))
        cookies = tuple(without_lifetime(line, date_of(answer)) for line in answer.cookies)
        return rebuild_response(request, replace(answer, cookies=cookies) if cookies else answer)

    def provenance(self) -> Mapping[str, str]:
        """The provenance of the cassette; empty if it is missing or of another tool."""
        try:
            return self._open().provenance
        except CassetteError:
            return {}

    def unused(self) -> list[UnusedAnswers]:
        """The recorded responses that were not requested yet; empty if the cassette is missing."""
        try:
            return self._open().unused()
        except CassetteError:
            return []

    def close(self) -> None:
        """Nothing is open."""

    def _open(self) -> ReplayIndex:
        with self._opening:
            return self._index
