"""An Azure file share, and the files on it that a job needs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath

from azure.common import AzureConflictHttpError

from harness.resources.tags import share_id
from harness.resources.volume import Upload, Volume


class FileShare(Volume):
    """A file share with one directory of uploaded files."""

    kind = "file share"
    volume_kind = "share"

    @property
    def id(self) -> str:
        """Its account and name."""
        return share_id(self.provisioning.cloud.facts, self.name)

    def delete(self) -> None:
        """Delete the share."""
        self.provisioning.clients.files.delete_share(self.name)

    def _make(self, tags: dict[str, str]) -> bool:
        create = partial(self.provisioning.clients.files.create_share, self.name, metadata=tags, fail_on_exist=True)
        return _is_new("ShareAlreadyExists", create)

    def _metadata(self) -> Mapping[str, str]:
        metadata: Mapping[str, str] = self.provisioning.clients.files.get_share_metadata(self.name)
        return metadata

    def _set_metadata(self, tags: dict[str, str]) -> None:
        self.provisioning.clients.files.set_share_metadata(self.name, tags)

    def _make_directories(self, paths: Iterable[str]) -> None:
        for path in paths:
            create = partial(self.provisioning.clients.files.create_directory, self.name, path, fail_on_exist=True)
            _is_new("ResourceAlreadyExists", create)

    def _put(self, path: str, upload: Upload) -> None:
        files, address = self.provisioning.clients.files, (self.name, *_split_path(path))
        if isinstance(upload.source, bytes):
            files.create_file_from_bytes(*address, upload.source, metadata=upload.metadata, max_connections=1)
        else:
            files.create_file_from_path(*address, str(upload.source), metadata=upload.metadata, max_connections=1)

    def _file_metadata(self, path: str) -> Mapping[str, str]:
        metadata: Mapping[str, str] = self.provisioning.clients.files.get_file_metadata(self.name, *_split_path(path))
        return metadata

    def _file_exists(self, path: str) -> bool:
        return bool(self.provisioning.clients.files.exists(self.name, *_split_path(path)))


def _split_path(path: str) -> tuple[str | None, str]:
    """Split a path into directory and file name, as the SDK expects them."""
    parent = str(PurePosixPath(path).parent)
    return (None if parent == "." else parent), PurePosixPath(path).name


def _is_new(exists: str, create: Callable[[], object]) -> bool:
    """Create something, and return whether it is new; the error code ``exists`` means that it existed.

    The SDK's option ``fail_on_exist=False`` ignores every conflict, even a full disk.
    """
    try:
        create()
    except AzureConflictHttpError as error:
        if error.error_code != exists:
            raise
        return False
    return True
