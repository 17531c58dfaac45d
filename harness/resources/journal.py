"""The journal: a file that lists the resources that may exist in a cloud.

An entry is written before its resource is created.

``harness run`` and the plugin write ``journal_for(cloud, settings, environ)``: one file for each user, wherever a run
starts, so that ``harness reap`` finds the resources of all runs. An entry names the process that owns the resource.
"""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from harness.atomic_file import replace_file, sync_directory
from harness.config import Settings, journal_path
from harness.errors import JournalError
from harness.file_lock import FileLockedError, lock_file
from harness.resources.owner import Owner, this_process

Key = tuple[str, str, str, str, str]

_WAIT_SECONDS = 10.0  # a process holds the lock of the journal only for the duration of a write
_OBJECT = b'{"'  # how a line of any version begins
_ENTRY = b'{"run": "'  # how an entry begins
_LONGEST_LINE = 1 << 16  # bytes
_REMEDY = "make it writable, or name another file with HARNESS_JOURNAL"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: a resource of a run is about to be created, or is deleted.

    Attributes:
        cloud: the name of the cloud that contains the resource.
        place: the subscription, or the data directory of the emulator (``CloudFacts.scope``).
        account: the storage account of shares.
        expires: the time at which any process may delete the resource, ISO 8601 in UTC; empty for never.
        owner: the process that owns the resource.
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
        """Identifies the resource: entries of one resource have one key."""
        return (self.run, self.place, self.kind, self.group, self.name)

    @property
    def expiry(self) -> datetime | None:
        """The time of ``expires``; None for never."""
        if not self.expires:
            return None
        moment = datetime.fromisoformat(self.expires)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def must_survive_a_power_cut(self) -> bool:
        """Whether the line is needed after a power cut.

        A deletion without a line is repeated. A job of the emulator ends with this machine, and its files are deleted
        with its resource group, which has an earlier line.
        """
        return self.state == "creating" and (self.cloud, self.kind) != ("emulator", "job")

    def may_be_alive(self, now: datetime) -> bool:
        """Whether the run may still use the resource: its process runs, or runs elsewhere and has not expired."""
        state = self.owner.state
        return state == "running" or (state == "elsewhere" and (self.expiry is None or now < self.expiry))


class Journal:
    """An append-only file of entries; several processes may append.

    When ``append`` returns, the entry is complete, and on the disk if a power cut must not lose it. If ``append``
    raises, there is no entry. A process that is killed while it appends leaves a torn line, whose resource it has not
    created yet.

    Args:
        path: the file.
        wait: seconds to wait for another process that holds the file's lock.
    """

    def __init__(self, path: Path, *, wait: float = _WAIT_SECONDS) -> None:
        self.path = path
        self._wait = wait
        self._is_stuck = False
        self._is_synced = False

    def append(self, entry: Entry) -> None:
        """Write the entry to the file, and sync it to the disk if it must survive a power cut.

        Raises:
            JournalError: another process holds the file, or it cannot be written; then there is no entry.
        """
        with self._locked() as descriptor:
            self._sync_name()
            _append_line(descriptor, _line(entry), is_synced=entry.must_survive_a_power_cut)

    def open_entries(self) -> list[Entry]:
        """The entries of resources that are not deleted, the newest first; a torn line of a killed run is ignored.

        Raises:
            JournalError: the file cannot be read.
        """
        return list(reversed(_open_entries(map(_read, self._lines())).values()))

    def compact(self) -> None:
        """Drop the lines of deleted resources. The file is replaced atomically, and no entry of a running run is lost.

        Lines of another version of the harness, which this version cannot read, are kept.

        Raises:
            JournalError: another process holds the file, or it cannot be written; then it is unchanged.
        """
        if not self.path.exists():
            return
        with self._locked():
            path = self.path.resolve()  # replace the target of a link, not the link
            lines = self._lines()
            live = _open_entries(map(_read, lines))
            with replace_file(path, durable=True, beside=path.with_name(f".{path.name}.new")) as stream:
                stream.writelines(line + b"\n" for line in lines if _is_kept(line, live))

    def _lines(self) -> list[bytes]:
        try:
            _require_regular(self.path.stat().st_mode)
            return self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error.strerror}; {_REMEDY}") from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the file, and hold its lock while the block runs."""
        # Only the first timeout is waited for: at the end of a run, each of many resources would wait otherwise.
        wait = 0.0 if self._is_stuck else self._wait
        try:
            _make_directory(self.path.parent)
            with lock_file(self.path, wait=wait) as descriptor:
                self._is_stuck = False
                _require_journal(descriptor)
                yield descriptor
        except FileLockedError as error:
            self._is_stuck = True
            holder = f"process {error.holder}" if error.holder else "another process"
            raise JournalError(
                f"the journal {self.path} is in use by {holder}, and was not free within {self._wait:g} s; "
                "end that process, or name another file with HARNESS_JOURNAL"
            ) from None
        except OSError as error:
            location = f" ({error.filename})" if error.filename and Path(error.filename) != self.path else ""
            raise JournalError(
                f"the journal {self.path} cannot be written: {error.strerror}{location}; {_REMEDY}"
            ) from error

    def _sync_name(self) -> None:
        """Sync the directory: the process that created the file may have been killed before it did."""
        if not self._is_synced:
            sync_directory(self.path.parent)
            self._is_synced = True


class NoJournal(Journal):
    """The journal of a cloud in which nothing is created."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def append(self, entry: Entry) -> None:
        """Ignore the entry."""

    def open_entries(self) -> list[Entry]:
        """Return no entries."""
        return []

    def compact(self) -> None:
        """Do nothing."""


def journal_for(cloud: str, settings: Settings, environ: Mapping[str, str]) -> Journal:
    """The journal of runs in ``cloud``: the user's, and none in replay."""
    return NoJournal() if cloud == "replay" else Journal(journal_path(settings, environ))


def _require_journal(descriptor: int) -> None:
    """Refuse a file that is no journal, because a setting can name any file."""
    _require_regular(os.fstat(descriptor).st_mode)
    line = os.pread(descriptor, _LONGEST_LINE, 0).lstrip(b"\n\0").partition(b"\n")[0]  # a power cut leaves zeros
    if line and not line.startswith(_OBJECT) and not _is_json(line):
        raise OSError(errno.EINVAL, "it is not a journal")


def _require_regular(mode: int) -> None:
    """Refuse pipes and devices, which have no end."""
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _line(entry: Entry) -> bytes:
    return f"{json.dumps(asdict(entry))}\n".encode()


def _append_line(descriptor: int, line: bytes, *, is_synced: bool) -> None:
    """Append the complete line to a locked file, or leave the file unchanged."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    is_torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"  # a process was killed while it appended
    try:
        _write_all(descriptor, b"\n" + line if is_torn else line)
        if is_synced:
            os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, end)
        raise


def _write_all(descriptor: int, content: bytes) -> None:
    """Write again after a short write, as on a full disk: the next write reports the error."""
    while content:
        content = content[os.write(descriptor, content) :]


def _open_entries(entries: Iterable[Entry | None]) -> dict[Key, Entry]:
    """The entries of resources that were created and not deleted, in the order of their creation."""
    live: dict[Key, Entry] = {}
    for entry in filter(None, entries):
        live.pop(entry.key, None)
        if entry.state != "deleted":
            live[entry.key] = entry
    return live


def _is_kept(line: bytes, live: Mapping[Key, Entry]) -> bool:
    """Whether compaction keeps a line: its resource is not deleted, or this version cannot read it."""
    entry = _read(line)
    return live.get(entry.key) == entry if entry else bool(line) and not _is_torn(line)


def _is_torn(line: bytes) -> bool:
    """Whether a line is the beginning of an entry whose writer was killed."""
    return line.startswith(_ENTRY) and not _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _read(line: bytes) -> Entry | None:
    try:
        entry = msgspec.json.decode(line, type=Entry)
        _ = entry.expiry  # an entry with an invalid date is ignored, too
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None
    return entry


def _make_directory(directory: Path) -> None:
    """Create a directory and its parents, readable by their owner alone, and sync their names."""
    if not directory.is_dir():
        _make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)
