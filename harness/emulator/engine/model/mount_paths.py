"""Volumes that nodes mount, and paths on them."""

from pathlib import PurePosixPath
from typing import Literal

import msgspec

Source = Literal["file", "blob", "server", "command"]


class Volume(msgspec.Struct, frozen=True, gc=False):
    """A file system that nodes mount.

    ``path`` is relative to the mount root. ``account`` and ``name`` are a storage account and its share or container,
    or the id of a file server and a directory of it; or ``name`` alone is a mount command.
    """

    path: str
    source: Source
    account: str
    name: str


class MountedPath(msgspec.Struct, frozen=True, gc=False):
    """A directory on a volume; ``inner`` is its path there, with ``/``."""

    volume: Volume
    inner: str

    def below(self, *parts: str) -> "MountedPath":
        """A path below this one."""
        inner = str(PurePosixPath(self.inner).joinpath(*parts))
        return MountedPath(self.volume, "" if inner == "." else inner)
