"""A page of List Blobs while it is filled, and its place in the order of blobs and of what they have been; pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.emulator.providers.blobs.earlier import BETWEEN
from harness.emulator.providers.blobs.places import Found

CURRENT = "~"  # the blob itself, which comes after all that it has been
_LAST = "\U0010ffff"  # behind every character of a name
_STATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z (snapshot|version)|~", re.ASCII)

Cursor = tuple[str, str]  # a blob's name, and the id of one of its states


def cursor_of(marker: str) -> Cursor:
    """Where a marker leads."""
    name, _, state = marker.rpartition(BETWEEN)
    return (name, state) if _STATE.fullmatch(state) and BETWEEN in marker else (marker, "")


def behind(cursor: Cursor) -> Cursor:
    """The first place behind another."""
    return cursor[0], cursor[1] + "\0"


@dataclass(slots=True)
class Page:
    """What is found so far.

    Args:
        size: how many entries it may have.
        since: where it goes on.
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
        """Add what is at a place; False if the page was full before.

        Args:
            found: what it is; None if it is not to be listed.
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
            self.since = self.prefixes[-1] + _LAST, ""  # the rest of the prefix is one entry
        else:
            self.blobs.append(blob)
            self.since = behind(cursor)
        return True
