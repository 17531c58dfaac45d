"""What a job wrote: listed by the service with links, read over plain HTTP."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import requests
from azure.mgmt.batchai import BatchAI, models

from harness.atomic_file import replace_file
from harness.clouds import NoAnswerError
from harness.errors import JobError
from harness.printable import printable
from harness.resources.provisioning import Provisioning
from harness.services.service import Listing, OutputFile, Tail

_LINK_MINUTES = 600  # the longest that Batch AI gives
_PIECE = 1 << 20  # bytes
_DEEPEST = 16  # directories
_MOST_FILES = 100_000  # of one output directory


class BatchAiJobOutput:
    """The output directories of a job.

    Args:
        provisioning: asks the service, and reads its links.
        address: group, workspace, experiment and name of the job.
    """

    def __init__(self, provisioning: Provisioning, address: tuple[str, str, str, str]) -> None:
        self._provisioning = provisioning
        self._address = address

    @property
    def _name(self) -> str:
        return self._address[-1]

    def files(self, directory: str) -> Listing:
        """All files of an output directory.

        Args:
            directory: the id of one of the job's outputs, or ``stdouterr``.

        Raises:
            JobError: the service does not list it.
        """
        what = f"list the files in {directory} of job {self._name}"
        problems: list[str] = []
        with self._provisioning.errors(what, otherwise=JobError):
            found = self._walk(directory, PurePosixPath(), problems)
            files = list(islice(found, _MOST_FILES))
            if next(found, None) is not None:
                problems.append(f"{directory} holds more than {_MOST_FILES} files; the others are left out")
        return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(problems))

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

    def _walk(self, directory: str, below: PurePosixPath, problems: list[str]) -> Iterator[OutputFile]:
        jobs = self._provisioning.clients.management(BatchAI).jobs
        options = models.JobsListOutputFilesOptions(
            outputdirectoryid=directory, directory=str(below), linkexpiryinminutes=_LINK_MINUTES
        )
        for entry in jobs.list_output_files(*self._address, options):
            if not _is_name(entry.name):
                what = f"a file of {directory} that is called {entry.name!r}"
                problems.append(f"cannot fetch {what}: it cannot be the name of a file here")
                continue
            path = below / entry.name
            if entry.download_url:
                yield OutputFile(directory, str(path), entry.content_length or 0, entry.download_url)
            elif len(path.parts) <= _DEEPEST:
                yield from self._walk(directory, path, problems)
            else:
                left_out = f"{directory}/{printable(str(path))} is left out"
                problems.append(f"{left_out}: directories are followed {_DEEPEST} deep")

    def _fetch(self, file: OutputFile, stream: BinaryIO, part: "_Part | None" = None) -> None:
        """Write a file's bytes, or those of a part; a broken answer is requested again."""
        retries = self._provisioning.clients.retry_policy.retries(self._provisioning.cloud.clock)
        headers = {} if part is None else {"Range": f"bytes={part.start}-"}
        while True:
            with self._ask("GET", file, headers, stream=True) as answer:
                if part is not None and answer.status_code in (404, 416):
                    return  # the job has started again, and the file with it
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
        # Any other text may tell the link, and with it the signature.
        told = error if isinstance(error, NoAnswerError) else type(error).__name__
        return JobError(f"{self._cannot(file)}: {told}")

    def _cannot(self, file: OutputFile) -> str:
        return f"cannot read {printable(file.name)} of job {self._name}"

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


def _is_name(name: str) -> bool:
    """Whether the name of an entry can be a part of a local path."""
    try:
        os.fsencode(name)
    except ValueError:
        return False
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
