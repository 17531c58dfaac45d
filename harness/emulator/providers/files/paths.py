"""Paths in shares, the files and directories at them, and the keys of their records; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_path

from msgspec.structs import replace

from harness.emulator.providers.files.model import Properties
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import valid_record
from harness.emulator.storage_service.model import Share, entry_key


@dataclass(frozen=True, slots=True)
class SharePath:
    """A path in a share, whether or not anything exists there."""

    target: Target
    share: Share
    tree: Tree
    names: list[str]
    key: str

    @property
    def account(self) -> str:
        """The share's account."""
        return self.target.account

    @property
    def root(self) -> str:
        """The name of the share's directory."""
        return self.target.directory_name

    @property
    def path_key(self) -> str:
        """The key of the path. It equals ``key``, unless the file at the path has one record for several names."""
        return entry_key(self.target.account, self.share.content, self.names)

    @property
    def keys(self) -> Sequence[str]:
        """The keys that a change of the entry claims."""
        return (self.key,)

    @property
    def unlinked(self) -> "SharePath":
        """The same path with the key of a new file, which has only this name."""
        return replace_path(self, key=self.path_key)

    @property
    def below(self) -> str:
        """Empty, because a change of an entry does not claim the entries below it."""
        return ""


@dataclass(frozen=True, slots=True)
class ShareItem:
    """An existing file or directory with the valid part of its record."""

    path: SharePath
    entry: Entry
    properties: Properties

    @property
    def record(self) -> Properties:
        """The record of the file or directory."""
        return self.properties


def apply_record(entry: Entry, record: Properties | None) -> tuple[Entry, Properties]:
    """Return an entry as clients see it, and the part of its record that is still valid.

    The last-modified time of a directory is that of the last request about it: changes in the directory do not count.
    """
    properties = valid_record(record, entry)
    if properties is None:
        return entry, Properties(extents=None)
    if entry.is_directory or properties.state == entry.state:
        return (entry.with_modified(properties.modified) if properties.modified else entry), properties
    smb = replace(properties.smb, written="", changed="")
    return entry, replace(properties, content_md5="", extents=None, smb=smb, modified=0)
