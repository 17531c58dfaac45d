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
        provisioning: asks.
        job: the name of the job, for messages.
    """

    def __init__(self, provisioning: Provisioning, job: str) -> None:
        self._provisioning = provisioning
        self._job = job

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        """What has been appended to a growing file since it had ``start`` bytes, or the last part of that.

        A file that has become shorter has been begun again, as that of a job whose node was taken away: then it is read
        from its beginning.

        Args:
            file: of the job.
            start: how many bytes of it are known.
            most: how many bytes to read.

        Raises:
            JobError: its link does not answer.
        """
        # Asked for its length first: refusals of a range would all differ, and a recording would keep each.
        answer = self._ask("HEAD", file, {})
        if answer.status_code == 404:
            return Tail(start, b"")
        size = int(self._checked(file, answer).headers.get("Content-Length", "0"))
        begin = max(0 if size < start else start, size - most)
        if size <= begin:
            return Tail(begin, b"")
        stream = io.BytesIO()
        self._fetch(file, stream, _Part(begin, most))
        return Tail(begin, stream.getvalue())

    def download(self, file: OutputFile, target: Path) -> None:
        """Write a file to the local path ``target``, whose directory exists; it appears whole or not at all.

        Raises:
            JobError: its link does not answer.
            OSError: it cannot be written.
        """
        with replace_file(target) as stream:
            if file.size:
                self._fetch(file, stream)

    def _fetch(self, file: OutputFile, stream: BinaryIO, part: "_Part | None" = None) -> None:
        """Write a file's bytes, or those of a part; a broken answer is requested again."""
        retries = self._provisioning.clients.retry_policy.retries(self._provisioning.cloud.clock)
        headers = {} if part is None else {"Range": f"bytes={part.start}-"}
        while True:
            with self._ask("GET", file, headers, stream=True) as answer:
                if part is not None and answer.status_code in (404, 416):
                    return  # the job was started again, so the file begins again
                try:
                    _copy(self._checked(file, answer), stream, part)
                except requests.RequestException as error:
                    broken = error
                else:
                    return
            if not retries.wait():
                raise self._unread(file, broken) from None
            stream.seek(0)
            stream.truncate()

    def _ask(
        self, method: str, file: OutputFile, headers: dict[str, str], *, stream: bool = False
    ) -> requests.Response:
        session = self._provisioning.clients.session
        try:
            return session.request(method, file.link, headers=headers, stream=stream)
        except requests.RequestException as error:
            raise self._unread(file, error) from None

    def _unread(self, file: OutputFile, error: requests.RequestException) -> JobError:
        if isinstance(error, NoAnswerError):
            return UnreachableError(f"{self._cannot(file)}: {error}")
        # Any other text may contain the link, and with it the signature.
        return JobError(f"{self._cannot(file)}: {type(error).__name__}")

    def _cannot(self, file: OutputFile) -> str:
        return f"cannot read {printable(file.name)} of job {self._job}"

    def _checked(self, file: OutputFile, answer: requests.Response) -> requests.Response:
        if answer.status_code not in (200, 206):
            raise JobError(f"{self._cannot(file)}: {answer.status_code} {answer.reason}")
        return answer


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    most: int


def _copy(answer: requests.Response, stream: BinaryIO, part: _Part | None) -> None:
    if part is None:
        stream.writelines(answer.iter_content(_PIECE))
        return
    skip = part.start if answer.status_code == 200 else 0  # a server may answer a range with the whole
    for piece in answer.iter_content(min(part.most, _PIECE)):
        stream.write(piece[skip:][: part.most - stream.tell()])
        skip = max(0, skip - len(piece))
        if stream.tell() >= part.most:
            return
