"""Changes of the content of files. Each is atomic, even if the process is killed.

The new record of the file and an intent are stored first. The new record contains the previous one, which is valid
until the disk shows the change (``file_records``). A failed write is undone at once, and ``unfinished_changes`` undoes
the write of a killed process. Clearing a range and changing the length cannot be undone; ``unfinished_changes``
finishes them.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.storage_service import errors, sparse, timestamps
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import SAFE, Entry, close, to_entry
from harness.emulator.storage_service.file_records import FileRecord, bind
from harness.emulator.storage_service.intents import ContentChange, Intents, Kind
from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.system_calls import status_of
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.storage_service.trash import RECOVERY_SUFFIX, Trash
from harness.emulator.storage_service.unfinished_changes import undo
from harness.emulator.store import Store

_INLINE = 64 << 10  # bytes that are written without a thread, or kept in an intent instead of a file

_log = logging.getLogger(__name__)


class FilePath(Protocol):
    """The path of a file in a share or container."""

    @property
    def account(self) -> str:
        """The account."""

    @property
    def root(self) -> str:
        """The name or content that identifies the directory of the share or container."""

    @property
    def tree(self) -> Tree:
        """The directory of the share or container."""

    @property
    def names(self) -> list[str]:
        """The names of the path."""

    @property
    def key(self) -> str:
        """The key of the file's record in the store."""


class RecordedFile(Protocol):
    """An existing file and its record."""

    @property
    def path(self) -> FilePath:
        """The path of the file."""

    @property
    def entry(self) -> Entry:
        """The file on disk."""

    @property
    def record(self) -> FileRecord:
        """The record."""


F = TypeVar("F", bound=RecordedFile)


@dataclass(frozen=True, slots=True)
class Plan(Generic[F]):
    """A file before and after a change."""

    before: F
    after: F


class ContentChanges:
    """Writes to files of a service. The caller holds the file's turn."""

    def __init__(self, service: Service, store: Store, clock: Clock, trash: Trash, intents: Intents) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._trash = trash
        self._intents = intents

    async def write(self, plan: Plan[F], first: int, body: Sequence[bytes]) -> None:
        """Write a body, in the file or at its end.

        Raises:
            StorageError: another file has the name now.
            OSError: the disk refuses; nothing has changed.
        """
        end = first + sum(len(part) for part in body)
        with self._open(plan) as descriptor:
            kind: Kind = "write" if first < plan.before.entry.length else "append"
            change = self._save_old_content(self._change(plan, kind, first, end), descriptor)
            try:
                key = self._begin(plan, change)
            except BaseException:
                self._forget_old_content(change)
                raise
            try:
                await _call(end - first, sparse.write_parts, descriptor, body, first)
                _set_time(descriptor, plan)
                self._intents.end(change, key, then=lambda: self._keep(plan.after))
            except BaseException:
                undo(change, descriptor, self._trash.folder)
                self._revert(plan, change, key)
                self._forget_old_content(change)
                raise
            self._forget_old_content(change)

    async def clear(self, plan: Plan[F], first: int, end: int) -> None:
        """Make a range of the file zeros, which take no disk space.

        Raises:
            StorageError: another file has the name now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._open(plan) as descriptor:
            change = self._change(plan, "clear", first, end)
            key = self._begin(plan, change)
            try:
                await _call(end - first, sparse.clear, descriptor, first, end - first)
            except asyncio.CancelledError:  # the request was cancelled, but the range is cleared by now
                self._finish(plan, change, key, descriptor)
                raise
            except Exception:
                self._revert(plan, change, key)
                raise
            self._finish(plan, change, key, descriptor)

    def resize(self, plan: Plan[F]) -> None:
        """Set the length of the file to that of ``plan.after``.

        Raises:
            StorageError: another file has the name now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._open(plan) as descriptor:
            change = self._change(plan, "resize", 0, 0)
            key = self._begin(plan, change)
            try:
                os.truncate(descriptor, plan.after.entry.length)
            except Exception:
                self._revert(plan, change, key)
                raise
            self._finish(plan, change, key, descriptor)

    @contextmanager
    def _open(self, plan: Plan[F]) -> Iterator[int]:
        path = plan.before.path
        with path.tree.open_file(path.names, os.O_RDWR) as descriptor:
            if to_entry("", status_of(descriptor)).file != plan.before.entry.file:
                raise errors.not_found()
            yield descriptor

    def _save_old_content(self, change: ContentChange, descriptor: int) -> ContentChange:
        """Add the data that a write will overwrite to its intent: inline if short, otherwise in a file in the trash."""
        first, end = change.first, change.end
        parts = list(sparse.segments(descriptor, first, end))
        if sum(stop - at for at, stop in parts) <= _INLINE:
            return replace(change, old=tuple((at, os.pread(descriptor, stop - at, at)) for at, stop in parts))
        change = replace(change, saved=uuid.uuid4().hex + RECOVERY_SUFFIX)
        try:
            with _new_file(self._trash.folder / change.saved) as saved:
                sparse.copy(descriptor, saved, first=first, count=end - first, to=first)
        except BaseException:
            self._forget_old_content(change)
            raise
        return change

    def _forget_old_content(self, change: ContentChange) -> None:
        if change.saved:
            with suppress(OSError):  # the next start deletes it
                (self._trash.folder / change.saved).unlink(missing_ok=True)

    def _change(self, plan: Plan[F], kind: Kind, first: int, end: int) -> ContentChange:
        before, path = plan.before, plan.before.path
        return ContentChange(
            path.account,
            path.root,
            tuple(path.names),
            path.key,
            before.entry.file,
            before.entry.state,
            plan.after.entry.state,
            timestamps.nanoseconds(self._clock.now()),
            kind,
            first,
            end,
            service=self._service,
        )

    def _begin(self, plan: Plan[F], change: ContentChange) -> str:
        before, after = plan.before, plan.after
        previous = bind(before.record, before.entry)
        with self._intents.beginning(change) as key:
            self._store.put(change.key, bind(after.record, after.entry, previous=previous))
        return key

    def _keep(self, file: RecordedFile) -> None:
        self._store.put(file.path.key, bind(file.record, file.entry))

    def _revert(self, plan: Plan[F], change: ContentChange, key: str) -> None:
        self._intents.end_if_possible(change, key, then=lambda: self._keep(plan.before))

    def _finish(self, plan: Plan[F], change: ContentChange, key: str, descriptor: int) -> None:
        """Set the time of a changed file. The change stays even if the disk refuses: the old content is lost."""
        try:
            _set_time(descriptor, plan)
        except OSError as error:
            _log.warning("the time of a changed file cannot be set: %s", error.strerror)
            with suppress(OSError):
                entry = to_entry(plan.after.entry.name, status_of(descriptor)).with_modified(
                    plan.after.entry.modified_ns
                )
                record = bind(replace(plan.after.record, modified=entry.modified_ns), entry)
                self._intents.end_if_possible(change, key, then=lambda: self._store.put(change.key, record))
                return
        self._intents.end_if_possible(change, key, then=lambda: self._keep(plan.after))


def _set_time(descriptor: int, plan: Plan[F]) -> None:
    """Set the time of a file to that of its record."""
    os.utime(descriptor, ns=(plan.after.entry.accessed_ns, plan.after.entry.written_ns))


async def _call(size: int, function: Callable[..., None], *arguments: object) -> None:
    """Call ``function`` directly for few bytes, and in a thread for many, so that other requests do not wait."""
    if size <= _INLINE:
        function(*arguments)
    else:
        await in_thread(function, *arguments)


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
    try:
        yield descriptor
    finally:
        close(descriptor)
