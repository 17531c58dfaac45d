"""The output of a job: the service lists files with links, which are read over plain HTTP."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from azure.mgmt.batchai import BatchAI, models

from harness.errors import JobError
from harness.resources.provisioning import Provisioning
from harness.services.link_reader import LinkReader
from harness.services.output_listing import Entry, make_listing, walk
from harness.services.service import Listing, OutputFile, Tail

_LINK_MINUTES = 600  # the longest that Batch AI gives


class BatchAiJobOutput:
    """The output directories of a job.

    Args:
        provisioning: the cloud and its clients.
        address: group, workspace, experiment and name of the job.
    """

    def __init__(self, provisioning: Provisioning, address: tuple[str, str, str, str]) -> None:
        self._provisioning = provisioning
        self._address = address
        self._reader = LinkReader(provisioning, self._name)

    @property
    def _name(self) -> str:
        return self._address[-1]

    def files(self, directory: str) -> Listing:
        """List all files of an output directory.

        Args:
            directory: the id of one of the job's outputs, or ``stdouterr``.

        Raises:
            JobError: the service does not list it.
        """
        action = f"list the files in {directory} of job {self._name}"
        with self._provisioning.errors(action, otherwise=JobError):
            return make_listing(directory, walk(directory, partial(self._entries, directory)))

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
        return self._reader.tail(file, start=start, most=most)

    def download(self, file: OutputFile, target: Path) -> None:
        """Download a file to the local path ``target``, whose directory exists, completely or not at all.

        Raises:
            JobError: the link cannot be read.
            OSError: the target cannot be written.
        """
        self._reader.download(file, target)

    def _entries(self, directory: str, below: PurePosixPath) -> Iterator[Entry]:
        jobs = self._provisioning.clients.management(BatchAI).jobs
        options = models.JobsListOutputFilesOptions(
            outputdirectoryid=directory, directory=str(below), linkexpiryinminutes=_LINK_MINUTES
        )
        for file in jobs.list_output_files(*self._address, options):
            link = file.download_url or ""  # directories have none
            yield Entry(file.name or "", is_directory=not link, size=file.content_length or 0, link=link)
