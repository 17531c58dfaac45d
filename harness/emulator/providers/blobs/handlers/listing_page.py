"""A page of List Blobs while it is filled, and its position in the order of blobs and their states; pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.emulator.providers.blobs.earlier import BETWEEN
from harness.emulator.providers.blobs.places import Found

CURRENT = "~"  # the id of the current blob, which comes after its earlier states
_LAST = "\U0010ffff"  # behind every character of a name
_STATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z (snapshot|version)|~", re.ASCII)

Cursor = tuple[str, str]  # a blob's name, and the id of one of its states


def cursor_of(marker: str) -> Cursor:
    """The position that a marker encodes."""
    name, _, state = marker.rpartition(BETWEEN)
    return (name, state) if _STATE.fullmatch(state) and BETWEEN in marker else (marker, "")


def behind(cursor: Cursor) -> Cursor:
    """The first position behind another."""
    return cursor[0], cursor[1] + "\0"


@dataclass(slots=True)
class Page:
    """The entries found so far.

    Args:
        size: how many entries it may have.
        since: the position at which the search continues.
        more: the marker of the next page; empty on the last one.
    """

    prefix: str
    delimiter: str
    size: int
    since: Cursor
    blobs: list[Found] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    more: str = ""

    def add(self, cursor: Cursor, found: Callable[[], Found | None]) -> bool:
        """Add the blob at a position; False if the page was full before.

        Args:
            found: returns the blob; None if it is not to be listed.
        """
        name, state = cursor
        cut = name.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
        blob = found() if cut < 0 else None
        if cut < 0 and blob is None:
            return True
        if len(self.blobs) + len(self.prefixes) == self.size:
            self.more = name if self.since[0] != name and state == CURRENT else name + BETWEEN + state
            return False
        if blob is None:
            self.prefixes.append(name[: cut + len(self.delimiter)])
            self.since = self.prefixes[-1] + _LAST, ""  # the whole prefix is one entry
        else:
            self.blobs.append(blob)
            self.since = behind(cursor)
        return True
