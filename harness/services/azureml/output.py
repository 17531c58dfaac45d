"""The output of a job: read from the share, and while the job runs from the logs that the service streams.

A node delays writes to a mounted share, so the log of a running job is not on the share yet. The launch script writes
the same bytes to ``./logs``, which the service uploads continuously; run history has links to the uploaded files.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from azure.common import AzureMissingResourceHttpError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.file.models import Directory

from harness.atomic_file import replace_file
from harness.errors import JobError
from harness.printable import printable
from harness.resources.provisioning import Provisioning
from harness.scenario.consistency import STDOUTERR
from harness.scenario.volumes import VolumeKind
from harness.services.link_reader import LinkReader
from harness.services.output_listing import Entry, Problem, invalid_name, is_local_name, make_listing, walk
from harness.services.service import Listing, OutputFile, Tail

_LIVE = "logs/"  # of the files of a run


@dataclass(frozen=True, slots=True)
class OutputLocation:
    """The location of an output directory: a path on a share, or a prefix of the names of blobs in a container."""

    kind: VolumeKind
    volume: str
    path: str


class AzureMlJobOutput:
    """The output directories of a job.

    Args:
        provisioning: the cloud and its clients.
        job: the name of the job, for messages.
        locations: the location of each output directory, by its id.
        live_logs: requests the names and links of the files that the service streams while the job runs; None after
            its end.
    """

    def __init__(
        self,
        provisioning: Provisioning,
        job: str,
        locations: Mapping[str, OutputLocation],
        live_logs: Callable[[], Mapping[str, str] | None],
    ) -> None:
        self._provisioning = provisioning
        self._job = job
        self._locations = locations
        self._live_logs = live_logs
        self._reader = LinkReader(provisioning, job)

    def files(self, directory: str) -> Listing:
        """List all files of an output directory.

        Args:
            directory: the id of one of the job's outputs, or ``stdouterr``.

        Raises:
            JobError: the share or the service does not list it.
        """
        with self._provisioning.errors(f"list the files in {directory} of job {self._job}", otherwise=JobError):
            live = self._live_logs() if directory == STDOUTERR else None
            if live is not None:
                names = {name.removeprefix(_LIVE): link for name, link in live.items() if name.startswith(_LIVE)}
                return Listing(tuple(OutputFile(directory, name, 0, link) for name, link in sorted(names.items())))
            if self._locations[directory].kind == "share":
                return make_listing(directory, walk(directory, partial(self._entries, directory)))
            return make_listing(directory, self._blobs(directory))

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        """Read the bytes of a growing file after the first ``start`` ones, but only the last ``most`` of them.

        Raises:
            JobError: the file cannot be read.
        """
        if file.link:
            return self._reader.tail(file, start=start, most=most)
        begin = max(0 if file.size < start else start, file.size - most)
        if file.size <= begin:
            return Tail(begin, b"")
        stream = io.BytesIO()
        self._read(file, stream, start=begin, most=file.size - begin)
        return Tail(begin, stream.getvalue())

    def download(self, file: OutputFile, target: Path) -> None:
        """Download a file to the local path ``target``, whose directory exists, completely or not at all.

        Raises:
            JobError: the file cannot be read.
            OSError: the target cannot be written.
        """
        if file.link:
            # The length of a streamed file is unknown, so no size of 0 may skip the download.
            self._reader.download(replace(file, size=1), target)
            return
        with replace_file(target) as stream:
            if file.size:
                self._read(file, stream)

    def _entries(self, directory: str, below: PurePosixPath) -> Iterator[Entry]:
        location, files = self._locations[directory], self._provisioning.clients.files
        try:
            entries = list(files.list_directories_and_files(location.volume, str(PurePosixPath(location.path) / below)))
        except AzureMissingResourceHttpError:
            return  # the job has written nothing there
        for entry in entries:
            is_directory = isinstance(entry, Directory)
            size = 0 if is_directory else entry.properties.content_length or 0
            yield Entry(entry.name, is_directory=is_directory, size=size)

    def _blobs(self, directory: str) -> Iterator[OutputFile | Problem]:
        prefix = f"{self._locations[directory].path}/"
        for blob in self._container(directory).list_blobs(name_starts_with=prefix):
            name = str(blob.name).removeprefix(prefix)
            if (blob.metadata or {}).get("hdi_isfolder"):
                continue  # blobfuse represents a directory by such a blob
            if all(map(is_local_name, name.split("/"))):
                yield OutputFile(directory, name, blob.size or 0, "")
            else:
                yield invalid_name(directory, name)

    def _container(self, directory: str) -> ContainerClient:
        service = self._provisioning.clients.storage(BlobServiceClient, "blob")
        return service.get_container_client(self._locations[directory].volume)

    def _read(self, file: OutputFile, stream: BinaryIO, *, start: int | None = None, most: int | None = None) -> None:
        """Write a file's bytes, or ``most`` of them from ``start``."""
        location = self._locations[file.directory]
        path = PurePosixPath(location.path) / file.name
        action = f"read {printable(file.name)} of job {self._job}"
        with self._provisioning.errors(action, otherwise=JobError):
            if location.kind == "container":
                self._container(file.directory).download_blob(
                    str(path), offset=start, length=most, max_concurrency=1
                ).readinto(stream)
                return
            self._provisioning.clients.files.get_file_to_stream(
                location.volume,
                str(path.parent),
                path.name,
                stream,
                start_range=start,
                end_range=None if start is None or most is None else start + most - 1,
                max_connections=1,
            )
