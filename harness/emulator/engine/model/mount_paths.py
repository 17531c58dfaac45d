"""Places on the file systems that nodes mount."""

from pathlib import PurePosixPath
from typing import Literal

import msgspec

Source = Literal["file", "blob", "server", "command"]


class Volume(msgspec.Struct, frozen=True, gc=False):
    """A file system that nodes see.

    ``path`` is relative to the root of mounts. ``account`` and ``name`` say what is mounted: a storage account and its
    share or container, the id of a file server and a directory of it, or (in ``name``) a mount command.
    """

    path: str
    source: Source
    account: str
    name: str


class Place(msgspec.Struct, frozen=True, gc=False):
    """A directory on a mounted file system; ``inner`` is its path there, with ``/``."""

    volume: Volume
    inner: str

    def below(self, *parts: str) -> "Place":
        """A place further down."""
        inner = str(PurePosixPath(self.inner).joinpath(*parts))
        return Place(self.volume, "" if inner == "." else inner)
