"""Files of a job behind links, read over plain HTTP."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests

from harness.atomic_file import replace_file
from harness.clouds import NoAnswerError
from harness.errors import JobError, UnreachableError
from harness.printable import printable
from harness.resources.provisioning import Provisioning
from harness.services.service import OutputFile, Tail

_PIECE = 1 << 20  # bytes


class LinkReader:
    """Reads the files of a job by their links.

    Args:
        provisioning: the cloud and its clients.
        job: the name of the job, for messages.
    """

    def __init__(self, provisioning: Provisioning, job: str) -> None:
        self._provisioning = provisioning
        self._job = job

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        """Read the bytes of a growing file after the first ``start`` ones, but only the last ``most`` of them.

        A file that has become shorter is read from its beginning: its job was restarted, for example because its node
        was preempted.

        Args:
            file: a file of the job.
            start: the number of bytes that were read before.
            most: the most bytes to read.

        Raises:
            JobError: the link cannot be read.
        """
        # HEAD reads the length first: responses that refuse a range all differ, so a recording could not merge them.
        response = self._request("HEAD", file, {})
        if response.status_code == 404:
            return Tail(start, b"")
        size = int(self._require_success(file, response).headers.get("Content-Length", "0"))
        begin = max(0 if size < start else start, size - most)
        if size <= begin:
            return Tail(begin, b"")
        stream = io.BytesIO()
        self._fetch(file, stream, _Part(begin, most))
        return Tail(begin, stream.getvalue())

    def download(self, file: OutputFile, target: Path) -> None:
        """Download a file to the local path ``target``, whose directory exists, completely or not at all.

        Raises:
            JobError: the link cannot be read.
            OSError: the target cannot be written.
        """
        with replace_file(target) as stream:
            if file.size:
                self._fetch(file, stream)

    def _fetch(self, file: OutputFile, stream: BinaryIO, part: "_Part | None" = None) -> None:
        """Write the bytes of a file or a part of it; a broken response is requested again."""
        retries = self._provisioning.clients.retry_policy.retries(self._provisioning.cloud.clock)
        headers = {} if part is None else {"Range": f"bytes={part.start}-"}
        while True:
            with self._request("GET", file, headers, stream=True) as response:
                if part is not None and response.status_code in (404, 416):
                    return  # the job was restarted, so the file begins again
                try:
                    _copy(self._require_success(file, response), stream, part)
                except requests.RequestException as error:
                    read_error = error
                else:
                    return
            if not retries.wait():
                raise self._read_error(file, read_error) from None
            stream.seek(0)
            stream.truncate()

    def _request(
        self, method: str, file: OutputFile, headers: dict[str, str], *, stream: bool = False
    ) -> requests.Response:
        session = self._provisioning.clients.session
        try:
            return session.request(method, file.link, headers=headers, stream=stream)
        except requests.RequestException as error:
            raise self._read_error(file, error) from None

    def _read_error(self, file: OutputFile, error: requests.RequestException) -> JobError:
        if isinstance(error, NoAnswerError):
            return UnreachableError(f"{self._problem(file)}: {error}")
        # Any other text may contain the link, and with it the signature.
        return JobError(f"{self._problem(file)}: {type(error).__name__}")

    def _problem(self, file: OutputFile) -> str:
        return f"cannot read {printable(file.name)} of job {self._job}"

    def _require_success(self, file: OutputFile, response: requests.Response) -> requests.Response:
        if response.status_code not in (200, 206):
            raise JobError(f"{self._problem(file)}: {response.status_code} {response.reason}")
        return response


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    most: int


def _copy(response: requests.Response, stream: BinaryIO, part: _Part | None) -> None:
    if part is None:
        stream.writelines(response.iter_content(_PIECE))
        return
    skip = part.start if response.status_code == 200 else 0  # a server may ignore a range
    for piece in response.iter_content(min(part.most, _PIECE)):
        stream.write(piece[skip:][: part.most - stream.tell()])
        skip = max(0, skip - len(piece))
        if stream.tell() >= part.most:
            return
