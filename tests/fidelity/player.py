"""Plays a cassette against a running emulator, with substitutes for uploaded files and for the job."""

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
from tests.fidelity.comparison import ActualValues, differences
from tests.fidelity.recorded_job import RecordedJob

ACCOUNT, KEY = PLACEHOLDERS.storage_account, placeholder_key(1)  # the emulator must have this account
_AGENT = "azsdk-python-mgmt-batchai/7.0.0"  # lets the emulator request pauses of less than a second
_TIMEOUT = 30.0  # seconds
_UPLOAD = re.compile(rb"<(\d+) bytes, sha256:[0-9a-f]{64}>")


class Player:
    """An emulator, and its values for recorded values that differ between runs.

    Args:
        endpoint: the emulator, which has the storage account of all recordings.
        job_directory: the directory of the job substitute.
        timeout: seconds until a polled response must be the recorded one.
    """

    def __init__(self, endpoint: Endpoint, job_directory: Path, *, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = _AGENT
        self._session.proxies, self._session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        self._values = ActualValues()
        self._links: dict[RequestKey, str] = {}
        self._clock = SystemClock()
        self._scrubber = Scrubber({})
        self._job = RecordedJob(job_directory)
        self._token = self._sign_in()

    def close(self) -> None:
        """End the job and the connections."""
        self._job.end()
        self._session.close()

    def play(self, recording: Sequence[Interaction]) -> list[str]:
        """Send every request of a recording, and describe how the responses differ from the recorded ones."""
        self._job.prepare(recording)
        self._register(recording)
        metadata = dict(_metadata(recording))
        lines = []
        for at, item in enumerate(recording):
            self._job.advance_to(item)
            request = f"#{at} {item.request.method} {item.request.uri.partition('?')[0]}"
            differing = self._send_until_recorded(item, recording[at + 1 :], metadata)
            lines += [f"{request}: {difference}" for difference in differing]
        return lines

    def _send_until_recorded(
        self, item: Interaction, later: Sequence[Interaction], metadata: Mapping[str, Mapping[str, str]]
    ) -> list[str]:
        """Send a request until its response is the recorded one, or a later one to the same request.

        The player may have missed a transient state.
        """
        end = self._clock.monotonic() + self._timeout
        acceptable = [item, *_reads_before_next_write(item, later)]
        while True:
            actual = self._send(item, metadata)
            first_differing: list[str] = []
            for candidate in acceptable:
                values = deepcopy(self._values)
                differing = differences(candidate, scrub(actual, self._scrubber), values)
                if not differing:
                    self._values = values
                    self._links |= _links(candidate, actual)
                    return []
                first_differing = first_differing or differing
            if not _is_read(item) or actual.response.status >= 400 or self._clock.monotonic() > end:
                return first_differing
            self._clock.sleep(0.01)

    def _send(self, item: Interaction, metadata: Mapping[str, Mapping[str, str]]) -> Interaction:
        recorded = item.request
        link = self._links.get(_link_target(recorded.uri)) if "sig=" in recorded.uri else None
        uri = link or self._values.rewrite(recorded.uri)
        headers = dict(recorded.headers)
        if recorded.method == "PUT" and "comp=" not in uri:
            headers |= metadata.get(_path(uri), {})
        body = self._body(recorded)
        request = self._session.prepare_request(requests.Request(recorded.method, uri, headers, data=body or None))
        if ".core." not in uri:
            request.headers["Authorization"] = f"Bearer {self._token}"
        elif "sig=" not in uri:
            self._sign(request, item.response.headers["x-ms-version"])
        response = self._session.send(request, allow_redirects=False, timeout=_TIMEOUT)
        response_headers = dict(response.headers)
        if recorded.method != "HEAD":  # a cassette omits the length, which follows from the body
            response_headers = {
                name: value for name, value in response_headers.items() if name.lower() != "content-length"
            }
        return Interaction(
            RecordedRequest(recorded.method, recorded.uri, plain_headers(headers)),
            RecordedResponse(response.status_code, response.reason, response_headers, response.content),
        )

    def _body(self, recorded: RecordedRequest) -> bytes:
        upload = _UPLOAD.fullmatch(recorded.body)
        if upload is None:
            return self._with_secrets(recorded.body)
        content = self._job.script if _path(recorded.uri).endswith(".py") else b""
        return content.ljust(int(upload[1]), b"\n")

    def _with_secrets(self, body: bytes) -> bytes:
        """Replace placeholders of keys by the emulator's key, because a cassette contains no keys."""

        def with_key(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: KEY if name == "accountKey" else with_key(inner)
                        for name, inner in value.items()}  # fmt: skip
            return [with_key(inner) for inner in value] if isinstance(value, list) else value

        return json.dumps(with_key(json.loads(body))).encode() if WORD.encode() in body else body

    def _sign(self, request: requests.PreparedRequest, version: str) -> None:
        request.headers.update({"x-ms-version": version, "x-ms-date": formatdate(usegmt=True)})
        lower = {name.lower(): value for name, value in request.headers.items()}
        target = request.path_url.encode()
        text = next(shared_key_texts(request.method or "", ACCOUNT, raw_target=target, headers=lower))
        request.headers["Authorization"] = f"SharedKey {ACCOUNT}:{sign(KEY, text)}"

    def _sign_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._endpoint.client_id,
            "client_secret": self._endpoint.client_secret,
            "resource": "https://management.azure.com/",
        }
        url = f"https://login.microsoftonline.com/{self._endpoint.tenant_id}/oauth2/token"
        return str(self._session.post(url, data=form).json()["access_token"])

    def _register(self, recording: Sequence[Interaction]) -> None:
        """Register the providers that were registered before the recording began."""
        checked: set[str] = set()
        for item in recording:
            url, _, query = item.request.uri.partition("?")
            if "/providers/" not in url or url in checked or b'"registrationState"' not in item.response.body:
                continue
            checked |= {url, f"{url}/register"}
            if json.loads(item.response.body)["registrationState"] == "Registered":
                headers = {"Authorization": f"Bearer {self._token}"}
                self._session.post(f"{url}/register?{query}", headers=headers).raise_for_status()


def _is_read(item: Interaction) -> bool:
    return item.request.method in ("GET", "HEAD") or "/listOutputFiles?" in item.request.uri


def _reads_before_next_write(item: Interaction, later: Sequence[Interaction]) -> Iterator[Interaction]:
    key = request_key(item.request.method, item.request.uri, item.request.headers)
    for other in later if _is_read(item) else ():
        if not _is_read(other):
            return
        if request_key(other.request.method, other.request.uri, other.request.headers) == key:
            yield other


def _metadata(recording: Sequence[Interaction]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The metadata of files, from responses, because a cassette does not contain the metadata of requests."""
    for item in recording:
        metadata = {
            name: value for name, value in item.response.headers.items() if name.lower().startswith("x-ms-meta-")
        }
        if metadata:
            yield _path(item.request.uri), metadata


def _links(recorded: Interaction, actual: Interaction) -> dict[RequestKey, str]:
    """The targets of recorded download links, and the emulator's links to them.

    Every list of output files has different links, with another expiry. For a job that ended at once, the emulator
    returns the list that was recorded last. Its links replace those of the previous lists, which it never returned.
    """
    pattern = re.compile(rb'"downloadUrl": ?"([^"]+)"')
    old, new = (pattern.findall(item.response.body) for item in (recorded, actual))
    return {_link_target(link.decode()): substitute.decode() for link, substitute in zip(old, new, strict=bool(old))}


def _link_target(uri: str) -> RequestKey:
    """The target of a download link, regardless of its signature and expiry."""
    return request_key("GET", uri, {})


def _path(uri: str) -> str:
    return urlsplit(uri).path
