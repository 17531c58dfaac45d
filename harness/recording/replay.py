"""Replay: an adapter that answers from a cassette, and reaches no network."""

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
from harness.recording.http_messages import plain_headers, rebuild, sent_bytes
from harness.recording.interactions import date_of
from harness.recording.matching import ReplayIndex, UnusedAnswers
from harness.recording.request_key import request_key
from harness.recording.scrub import Scrubber


class ReplayAdapter(BaseAdapter):
    """Answers from a cassette, which is opened at the first request. Safe for threads.

    Args:
        cassette: its file.
        scrubber: makes of a request what recording made of it.
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
        """The next recorded answer.

        Raises:
            UnmatchedRequestError: there is none.
            CassetteError: there is no cassette, or it cannot be read.
        """
        del args, options
        key = request_key(request.method or "GET", self._scrubbed(request.url or ""), plain_headers(request.headers))
        answer = self._open().take(key, lambda: self._scrubber.body(upload_marker(key.url, sent_bytes(request))))
        cookies = tuple(without_lifetime(line, date_of(answer)) for line in answer.cookies)
        return rebuild(request, replace(answer, cookies=cookies) if cookies else answer)

    def provenance(self) -> Mapping[str, str]:
        """What the cassette says about where it comes from; nothing where there is none, or one of another tool."""
        try:
            return self._open().provenance
        except CassetteError:
            return {}

    def unused(self) -> list[UnusedAnswers]:
        """What is in the cassette and was not asked for so far; nothing where there is no cassette."""
        try:
            return self._open().unused()
        except CassetteError:
            return []

    def close(self) -> None:
        """Nothing is open."""

    def _open(self) -> ReplayIndex:
        with self._opening:
            return self._index
