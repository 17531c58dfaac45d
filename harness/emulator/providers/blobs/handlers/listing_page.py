"""A page of List Blobs that is being filled, and positions in the order of blobs and their states; pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.emulator.providers.blobs.earlier import SEPARATOR
from harness.emulator.providers.blobs.paths import StoredBlob

CURRENT = "~"  # the id of the current blob, which comes after its earlier states
_LAST = "\U0010ffff"  # sorts after every character of a name
_STATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z (snapshot|version)|~", re.ASCII)

Cursor = tuple[str, str]  # a blob's name, and the id of one of its states


def cursor_of(marker: str) -> Cursor:
    """Return the position that a marker encodes."""
    name, _, state = marker.rpartition(SEPARATOR)
    return (name, state) if _STATE.fullmatch(state) and SEPARATOR in marker else (marker, "")


def next_cursor(cursor: Cursor) -> Cursor:
    """Return the position directly after another."""
    return cursor[0], cursor[1] + "\0"


@dataclass(slots=True)
class Page:
    """The entries of a page.

    Args:
        size: the number of entries that the page may have.
        since: the position at which the search continues.
        more: the marker of the next page; empty on the last page.
    """

    prefix: str
    delimiter: str
    size: int
    since: Cursor
    blobs: list[StoredBlob] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    more: str = ""

    def add(self, cursor: Cursor, find: Callable[[], StoredBlob | None]) -> bool:
        """Add the blob at a position; False if the page was already full.

        Args:
            found: returns the blob; None if the listing omits it.
        """
        name, state = cursor
        cut = name.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
        blob = find() if cut < 0 else None
        if cut < 0 and blob is None:
            return True
        if len(self.blobs) + len(self.prefixes) == self.size:
            self.more = name if self.since[0] != name and state == CURRENT else name + SEPARATOR + state
            return False
        if blob is None:
            self.prefixes.append(name[: cut + len(self.delimiter)])
            self.since = self.prefixes[-1] + _LAST, ""  # the whole prefix is one entry
        else:
            self.blobs.append(blob)
            self.since = next_cursor(cursor)
        return True
