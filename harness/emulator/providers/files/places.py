"""Where files are in a share, what exists there, and the keys of their records; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_place

from msgspec.structs import replace

from harness.emulator.providers.files.model import Properties
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import holding
from harness.emulator.storage_service.model import Share, entry_key


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a share, whatever is there."""

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
        return self.target.place

    @property
    def path_key(self) -> str:
        """The key of the path: it is ``key``, unless the file that is there has one record for several names."""
        return entry_key(self.target.account, self.share.content, self.names)

    @property
    def keys(self) -> Sequence[str]:
        """The keys that a change of the entry claims."""
        return (self.key,)

    @property
    def unlinked(self) -> "Place":
        """The same place for a new file of that name."""
        return replace_place(self, key=self.path_key)

    @property
    def below(self) -> str:
        """Nothing: a change of an entry does not concern what is in it."""
        return ""


@dataclass(frozen=True, slots=True)
class Found:
    """An existing file or directory, with what is still valid of its record."""

    place: Place
    entry: Entry
    properties: Properties

    @property
    def record(self) -> Properties:
        """The record of the entry."""
        return self.properties


def remembered(entry: Entry, record: Properties | None) -> tuple[Entry, Properties]:
    """An entry as clients see it, and what is still valid of its record.

    Changes in a directory do not change its own time: that is the time of the last request about the directory.
    """
    properties = holding(record, entry)
    if properties is None:
        return entry, Properties(extents=None)
    if entry.is_directory or properties.state == entry.state:
        return (entry.dated(properties.modified) if properties.modified else entry), properties
    smb = replace(properties.smb, written="", changed="")
    return entry, replace(properties, content_md5="", extents=None, smb=smb, modified=0)
