"""The handler that lists the files of a job, with links to read them."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from harness.emulator.context import Request, Response
from harness.emulator.engine.job_specs import output_path
from harness.emulator.engine.model.mount_paths import MountedPath
from harness.emulator.engine.model.records import Job
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.lists import number, page_of
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import OutputEntry
from harness.emulator.storage_service import Accounts
from harness.emulator.storage_service.model import Service as StorageService

_REPLACEMENT = "\ufffd"
_NO_LINKS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Outputs:
    """Lists the files that jobs have written to shares and containers."""

    def __init__(self, service: Service, addressing: Addressing, accounts: Accounts) -> None:
        self._service = service
        self._addressing = addressing
        self._accounts = accounts

    def list(self, request: Request) -> Response:
        """List one level of an output directory, also while the job runs."""
        version = self._service.version_by_address(request, "jobs", "workspaces/experiments")
        job = self._addressing.find(request, Job, version)
        minutes = number(request, "linkexpiryinminutes", least=5, most=600, default=60)
        directory = self._directory(request, job)
        return self._service.document_response(page_of(request, version.files(self._entries(directory, minutes))))

    def _directory(self, request: Request, job: Job) -> MountedPath:
        name = request.query.get("outputdirectoryid")
        if not name:
            raise errors.invalid_parameter("outputdirectoryid", "it is required")
        names = {"stdouterr", *(output.id for output in job.spec.output_directories or ())}
        if name not in names:
            raise errors.unknown_directory(name)
        directory = output_path(job, name)
        if directory is None or directory.volume.source not in ("file", "blob"):
            raise errors.not_on_a_mount(name)
        inner = PurePosixPath(request.query.get("directory") or ".")
        if inner.is_absolute() or ".." in inner.parts or "\0" in str(inner):
            raise errors.invalid_parameter("directory", "give a relative path without '..'")
        return directory.below(*inner.parts)

    def _entries(self, directory: MountedPath, minutes: int) -> Iterator[OutputEntry]:
        root = self._service.engine.mounts.find_directory(MountedPath(directory.volume, ""))
        for name, status in _scan(root, directory.inner) if root else ():
            is_directory = stat.S_ISDIR(status.st_mode)
            link = ""
            if not is_directory or directory.volume.source == "blob":
                link = self._link(directory.below(name), minutes)
            modified = datetime.fromtimestamp(status.st_mtime, UTC)
            yield OutputEntry(name, is_directory, link, modified, 0 if is_directory else status.st_size)

    def _link(self, path: MountedPath, minutes: int) -> str:
        service: StorageService = "blob" if path.volume.source == "blob" else "file"
        volume = path.volume
        return self._accounts.read_link(service, volume.account, share=volume.name, path=path.inner, minutes=minutes)


def _scan(root: Path, inner: str) -> list[tuple[str, os.stat_result]]:
    """Names and status of the entries of a directory, reached without following links; empty if it does not exist."""
    try:
        descriptor = os.open(root, _NO_LINKS)
    except OSError:
        return []
    try:
        for name in PurePosixPath(inner).parts:
            below = os.open(_real(name, descriptor), _NO_LINKS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        with os.scandir(descriptor) as entries:
            files = [(_shown(entry.name), entry.stat(follow_symlinks=False)) for entry in entries]
        return [file for file in files if stat.S_ISREG(file[1].st_mode) or stat.S_ISDIR(file[1].st_mode)]
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _shown(name: str) -> str:
    """A name as JSON can hold it. A file whose name is not UTF-8 is listed, too, although no link can read it."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _real(shown: str, directory: int) -> str:
    """The file name in a directory that is shown as ``shown``."""
    if _REPLACEMENT not in shown:
        return shown
    return next((name for name in os.listdir(directory) if _shown(name) == shown), shown)
