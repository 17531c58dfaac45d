"""What may exist in a cloud: written, and on the disk, before it is created.

``harness run`` and the plugin write ``journal_for(cloud, settings, environ)``: one file for a user, wherever a run is
started, so that ``harness reap`` finds what any of them left. Entries name their owner, the process that writes them.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from harness.config import Settings, journal_path
from harness.resources.owner import Owner, this_process

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a resource of a run is about to be created, or is deleted.

    Attributes:
        cloud: the name of the cloud that it is in.
        place: what tells clouds of that name apart: the subscription, or the emulator's data directory.
        account: the storage account that shares are in.
        expires: when it may be deleted whatever its owner does, ISO 8601 in UTC; empty for never.
        owner: the process whose end orphans it.
    """

    run: str
    kind: str
    group: str
    name: str
    state: Literal["creating", "deleted"]
    cloud: str = ""
    place: str = ""
    account: str = ""
    expires: str = ""
    owner: Owner = field(default_factory=this_process)

    @property
    def key(self) -> Key:
        """What it is an entry of."""
        return (self.run, self.place, self.kind, self.group, self.name)

    @property
    def expiry(self) -> datetime | None:
        """The moment of ``expires``."""
        return datetime.fromisoformat(self.expires) if self.expires else None


class Journal:
    """An append-only file of entries; several processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Return when the entry, and the file itself, are on the disk."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self.path.exists()
        with self._locked() as handle:
            # The newline in front keeps the torn line of a killed run from swallowing this one.
            os.write(handle, f"\n{_line(entry)}".encode())
            os.fsync(handle)
        if is_new:
            _sync_directory(self.path.parent)

    def left(self) -> list[Entry]:
        """What was created and not deleted, last-made-first; a torn line of a killed run is passed over."""
        live: dict[Key, Entry] = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for line in lines:
            entry = _read(line)
            if entry is None:
                continue
            live.pop(entry.key, None)
            if entry.state != "deleted":
                live[entry.key] = entry
        return list(reversed(live.values()))

    def compact(self) -> None:
        """Drop the lines of what is deleted; the file is replaced in one step, and no entry of a living run is lost."""
        if not self.path.exists():
            return
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with self._locked():
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.writelines(map(_line, reversed(self.left())))
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self.path)
            _sync_directory(self.path.parent)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open for appending, for as long as the block lasts ours alone."""
        while True:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                # While we waited another process may have put a compacted file in its place.
                if _is_same_file(handle, self.path):
                    yield handle
                    return
            finally:
                os.close(handle)


class NoJournal(Journal):
    """For a cloud that creates nothing."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def append(self, entry: Entry) -> None:
        """Forget the entry."""

    def left(self) -> list[Entry]:
        """Nothing is."""
        return []


def journal_for(cloud: str, settings: Settings, environ: Mapping[str, str]) -> Journal:
    """The journal that a run in ``cloud`` writes: the user's own, and none in replay."""
    return NoJournal() if cloud == "replay" else Journal(journal_path(settings, environ))


def _line(entry: Entry) -> str:
    return f"{json.dumps(asdict(entry))}\n"


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _read(line: str) -> Entry | None:
    try:
        values: dict[str, Any] = json.loads(line)
        entry = Entry(**{**values, "owner": Owner(**values["owner"])})
        _ = entry.expiry  # a date that is none makes the line as worthless as a torn one
    except (ValueError, TypeError, KeyError):
        return None
    return entry


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
