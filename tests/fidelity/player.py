"""Plays a cassette against a running emulator, with stand-ins for what was uploaded and for what the job did."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from harness.clock import SystemClock
from harness.clouds.sdk import PLACEHOLDERS
from harness.emulator.endpoint import Endpoint
from harness.emulator.storage_service.signatures import shared_key_texts, sign
from harness.recording.http_messages import plain_headers
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.placeholders import WORD, placeholder_key
from harness.recording.processors import scrub
from harness.recording.request_key import RequestKey, request_key
from harness.recording.scrub import Scrubber
from tests.fidelity.comparison import Names, differences
from tests.fidelity.recorded_job import RecordedJob

ACCOUNT, KEY = PLACEHOLDERS.storage_account, placeholder_key(1)  # the emulator has to have it
_AGENT = "azsdk-python-mgmt-batchai/7.0.0"  # who asked; a cassette does not keep it, and it is told shorter pauses
_TIMEOUT = 30.0  # seconds
_UPLOAD = re.compile(rb"<(\d+) bytes, sha256:[0-9a-f]{64}>")


class Player:
    """One emulator, and what it gave so far in place of recorded values.

    Args:
        endpoint: the emulator, which has the storage account of all recordings.
        place: a directory for the stand-in of the job.
        patience: seconds that an answer may take to become the recorded one.
    """

    def __init__(self, endpoint: Endpoint, place: Path, *, patience: float = 60.0) -> None:
        self._patience = patience
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = _AGENT
        self._session.proxies, self._session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        self._names = Names()
        self._links: dict[RequestKey, str] = {}
        self._clock = SystemClock()
        self._scrubber = Scrubber({})
        self._job = RecordedJob(place)
        self._token = self._signed_in()

    def close(self) -> None:
        """End the job and the connections."""
        self._job.end()
        self._session.close()

    def play(self, story: Sequence[Interaction]) -> list[str]:
        """Send every request of a recording; return how the responses differ from the recorded ones, as sentences."""
        self._job.begin(story)
        self._register(story)
        metadata = dict(_metadata(story))
        told = []
        for at, item in enumerate(story):
            self._job.come_to(item)
            about = f"#{at} {item.request.method} {item.request.uri.partition('?')[0]}"
            told += [f"{about}: {difference}" for difference in self._ask(item, story[at + 1 :], metadata)]
        return told

    def _ask(
        self, item: Interaction, later: Sequence[Interaction], metadata: Mapping[str, Mapping[str, str]]
    ) -> list[str]:
        """Send a request until its response is the recorded one, or a later one to the same request.

        A state that passes may have been missed.
        """
        end = self._clock.monotonic() + self._patience
        acceptable = [item, *_answers_until_the_next_write(item, later)]
        while True:
            given = self._send(item, metadata)
            found: list[str] = []
            for one in acceptable:
                names = deepcopy(self._names)
                wrong = differences(one, scrub(given, self._scrubber), names)
                if not wrong:
                    self._names = names
                    self._links |= _links(one, given)
                    return []
                found = found or wrong
            if not _is_read(item) or given.response.status >= 400 or self._clock.monotonic() > end:
                return found
            self._clock.sleep(0.01)

    def _send(self, item: Interaction, metadata: Mapping[str, Mapping[str, str]]) -> Interaction:
        recorded = item.request
        link = self._links.get(_linked(recorded.uri)) if "sig=" in recorded.uri else None
        uri = link or self._names.rewrite(recorded.uri)
        headers = dict(recorded.headers)
        if recorded.method == "PUT" and "comp=" not in uri:
            headers |= metadata.get(_path(uri), {})
        body = self._body(recorded)
        request = self._session.prepare_request(requests.Request(recorded.method, uri, headers, data=body or None))
        if ".core." not in uri:
            request.headers["Authorization"] = f"Bearer {self._token}"
        elif "sig=" not in uri:
            self._sign(request, item.response.headers["x-ms-version"])
        answer = self._session.send(request, allow_redirects=False, timeout=_TIMEOUT)
        response = RecordedResponse(answer.status_code, answer.reason, dict(answer.headers), answer.content)
        if recorded.method != "HEAD":  # as in a cassette: the length follows from the body
            response = RecordedResponse(
                response.status, response.reason,
                {name: value for name, value in response.headers.items() if name.lower() != "content-length"},
                response.body,
            )  # fmt: skip
        return Interaction(RecordedRequest(recorded.method, recorded.uri, plain_headers(headers)), response)

    def _body(self, recorded: RecordedRequest) -> bytes:
        upload = _UPLOAD.fullmatch(recorded.body)
        if upload is None:
            return self._with_secrets(recorded.body)
        content = self._job.script if _path(recorded.uri).endswith(".py") else b""
        return content.ljust(int(upload[1]), b"\n")

    def _with_secrets(self, body: bytes) -> bytes:
        """A cassette holds no key: where one was sent, the emulator's own is."""

        def put_back(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: KEY if name == "accountKey" else put_back(inner)
                        for name, inner in value.items()}  # fmt: skip
            return [put_back(inner) for inner in value] if isinstance(value, list) else value

        return json.dumps(put_back(json.loads(body))).encode() if WORD.encode() in body else body

    def _sign(self, request: requests.PreparedRequest, version: str) -> None:
        request.headers.update({"x-ms-version": version, "x-ms-date": formatdate(usegmt=True)})
        lower = {name.lower(): value for name, value in request.headers.items()}
        target = request.path_url.encode()
        text = next(shared_key_texts(request.method or "", ACCOUNT, raw_target=target, headers=lower))
        request.headers["Authorization"] = f"SharedKey {ACCOUNT}:{sign(KEY, text)}"

    def _signed_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._endpoint.client_id,
            "client_secret": self._endpoint.client_secret,
            "resource": "https://management.azure.com/",
        }
        url = f"https://login.microsoftonline.com/{self._endpoint.tenant_id}/oauth2/token"
        return str(self._session.post(url, data=form).json()["access_token"])

    def _register(self, story: Sequence[Interaction]) -> None:
        """Providers that were registered before the story began."""
        asked: set[str] = set()
        for item in story:
            place, _, query = item.request.uri.partition("?")
            if "/providers/" not in place or place in asked or b'"registrationState"' not in item.response.body:
                continue
            asked |= {place, f"{place}/register"}
            if json.loads(item.response.body)["registrationState"] == "Registered":
                authorized = {"Authorization": f"Bearer {self._token}"}
                self._session.post(f"{place}/register?{query}", headers=authorized).raise_for_status()


def _is_read(item: Interaction) -> bool:
    return item.request.method in ("GET", "HEAD") or "/listOutputFiles?" in item.request.uri


def _answers_until_the_next_write(item: Interaction, later: Sequence[Interaction]) -> Iterator[Interaction]:
    key = request_key(item.request.method, item.request.uri, item.request.headers)
    for other in later if _is_read(item) else ():
        if not _is_read(other):
            return
        if request_key(other.request.method, other.request.uri, other.request.headers) == key:
            yield other


def _metadata(story: Sequence[Interaction]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The metadata of files: a cassette does not keep it where it was sent, only where it was told."""
    for item in story:
        told = {name: value for name, value in item.response.headers.items() if name.lower().startswith("x-ms-meta-")}
        if told:
            yield _path(item.request.uri), told


def _links(recorded: Interaction, given: Interaction) -> dict[RequestKey, str]:
    """What recorded download links lead to, and the emulator's own links to it.

    Every list of outputs has links of its own, with another expiry. Of a job that ended at once the emulator gives the
    list that was recorded last, and its links stand for those of the lists before, which it never gave.
    """
    pattern = re.compile(rb'"downloadUrl": ?"([^"]+)"')
    mine, theirs = (pattern.findall(item.response.body) for item in (recorded, given))
    return {_linked(one.decode()): other.decode() for one, other in zip(mine, theirs, strict=bool(mine))}


def _linked(uri: str) -> RequestKey:
    """What a download link leads to, whoever signed it until when."""
    return request_key("GET", uri, {})


def _path(uri: str) -> str:
    return urlsplit(uri).path
