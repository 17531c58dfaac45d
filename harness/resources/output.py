"""What a job wrote: listed by the service with links, read over plain HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import requests
from azure.mgmt.batchai import models

from harness.clouds import NoAnswerError
from harness.errors import JobError
from harness.resources.job import Job
from harness.resources.refusals import refusals

STDOUTERR = "stdouterr"  # the id under which the service lists logs

_LINK_MINUTES = 600  # the longest that Batch AI gives
_PIECE = 1 << 20  # bytes
_DEEPEST = 16  # directories


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file of an output directory; ``name`` is its path in there, ``size`` is in bytes."""

    directory: str
    name: str
    size: int
    link: str = field(repr=False)  # who has it may read the file


class JobOutput:
    """The output directories of a job."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def files(self, directory: str) -> tuple[OutputFile, ...]:
        """All files of an output directory, those in folders of it too, by name.

        Args:
            directory: the id of one of the job's outputs, or ``stdouterr``.

        Raises:
            JobError: the service does not list it.
        """
        what = f"list the files in {directory} of job {self._job.name}"
        with refusals(what, self._job.provisioning.cloud.name, otherwise=JobError):
            return tuple(sorted(self._walk(directory, PurePosixPath()), key=lambda file: file.name))

    def tail(self, file: OutputFile, *, start: int) -> bytes:
        """What has been appended to a growing file since it had ``start`` bytes.

        Raises:
            JobError: its link does not answer.
        """
        # Asked for its length first: refusals of a range would all differ, and a recording would keep each.
        answer = self._ask("HEAD", file, {})
        if answer.status_code == 404 or int(self._checked(file, answer).headers.get("Content-Length", "0")) <= start:
            return b""
        answer = self._ask("GET", file, {"Range": f"bytes={start}-"})
        if answer.status_code in (404, 416):
            return b""  # its job has begun anew meanwhile, and the file with it
        content = self._checked(file, answer).content
        return content[start:] if answer.status_code == 200 else content

    def download(self, file: OutputFile, target: Path) -> None:
        """Write a file to the local path ``target``, whose directories are made; it appears whole or not at all.

        Raises:
            JobError: its link does not answer.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        try:
            with beside.open("wb") as stream:
                if file.size:
                    self._fetch(file, stream)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def _walk(self, directory: str, below: PurePosixPath) -> Iterator[OutputFile]:
        jobs = self._job.provisioning.clients.batchai.jobs
        options = models.JobsListOutputFilesOptions(
            outputdirectoryid=directory, directory=str(below), linkexpiryinminutes=_LINK_MINUTES
        )
        for entry in jobs.list_output_files(*self._job.address, options):
            path = below / _plain(entry.name)
            if entry.download_url:
                yield OutputFile(directory, str(path), entry.content_length or 0, entry.download_url)
            elif len(path.parts) <= _DEEPEST:
                yield from self._walk(directory, path)

    def _fetch(self, file: OutputFile, stream: BinaryIO) -> None:
        """Write a file's bytes; an answer that breaks off in the middle is asked for from its beginning."""
        pauses = self._job.provisioning.clients.patience.pauses()
        while True:
            with self._ask("GET", file, {}, stream=True) as answer:
                try:
                    stream.writelines(self._checked(file, answer).iter_content(_PIECE))
                except requests.RequestException as error:
                    pause = next(pauses, None)
                    if pause is None:
                        raise self._unread(file, error) from None
                else:
                    return
            self._job.provisioning.cloud.clock.sleep(pause)
            stream.seek(0)
            stream.truncate()

    def _ask(
        self, method: str, file: OutputFile, headers: dict[str, str], *, stream: bool = False
    ) -> requests.Response:
        session = self._job.provisioning.clients.session
        try:
            return session.request(method, file.link, headers=headers, stream=stream)
        except requests.RequestException as error:
            raise self._unread(file, error) from None

    def _unread(self, file: OutputFile, error: requests.RequestException) -> JobError:
        # Any other text may tell the link, and with it the signature.
        told = error if isinstance(error, NoAnswerError) else type(error).__name__
        return JobError(f"cannot read {file.name} of job {self._job.name}: {told}")

    def _checked(self, file: OutputFile, answer: requests.Response) -> requests.Response:
        if answer.status_code not in (200, 206):
            raise JobError(f"cannot read {file.name} of job {self._job.name}: {answer.status_code} {answer.reason}")
        return answer


def _plain(name: str) -> str:
    """The name of an entry, which becomes part of a local path."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise JobError(f"the service lists a file called {name!r}, which no directory can hold")
    return name
