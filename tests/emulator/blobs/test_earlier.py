"""The earlier state that a record of a blob holds, and how long it is kept."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from harness.emulator.providers.blobs.earlier import (
    EarlierBlob,
    EarlierState,
    PendingChange,
    after_deletion,
    after_restoration,
    current_state,
    files_of,
    is_kept,
    root_of,
)
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.protection import Protection

NOW = datetime(2030, 1, 1, tzinfo=UTC)
STATE = EarlierState(kind="snapshot", stamp="1", blob=Blob(), length=3, modified=5, file="f")


def entry(inode: int, time: int = 7) -> Entry:
    return Entry("f", False, 3, time, time, time, time, inode, 1)


def record(*, arrives: bool, then: EarlierState | None, now: EarlierState | None) -> EarlierBlob:
    return EarlierBlob(now=now, turn=PendingChange(file=(10, 1), disk=(3, 7), arrives=arrives, then=then))


def test_a_state_appears_when_the_file_leaves() -> None:
    appearing = record(arrives=False, now=None, then=STATE)

    assert current_state(appearing, entry(10)) is None
    assert current_state(appearing, entry(11)) == STATE
    assert current_state(appearing, None) == STATE


def test_a_state_disappears_when_the_file_arrives() -> None:
    disappearing = record(arrives=True, now=STATE, then=None)

    assert current_state(disappearing, None) == STATE
    assert current_state(disappearing, entry(11)) == STATE
    assert current_state(disappearing, entry(10)) is None


def test_in_a_copied_directory_the_file_is_known_by_its_state() -> None:
    appearing = record(arrives=False, now=None, then=STATE)

    assert current_state(appearing, entry(99), copied=True) is None
    assert current_state(appearing, entry(99, time=8), copied=True) == STATE
    assert current_state(appearing, entry(99)) == STATE


def test_what_is_deleted_is_kept_for_its_days_and_then_not() -> None:
    deleted = after_deletion(STATE, Protection(days=2), NOW)
    assert deleted is not None

    assert is_kept(deleted, NOW + timedelta(days=2) - timedelta(microseconds=1))
    assert not is_kept(deleted, NOW + timedelta(days=2))
    assert after_deletion(deleted, Protection(days=9), NOW + timedelta(days=1)) == deleted
    assert after_deletion(STATE, Protection(), NOW) is None
    assert after_restoration(deleted) == STATE
    assert files_of(EarlierBlob(now=deleted)) == {"f"}


def test_the_deleted_blob_is_what_was_there_last() -> None:
    first, last = (replace(STATE, stamp=stamp, base=True) for stamp in "23")

    assert root_of([STATE, first, last]) == last
    assert root_of([STATE]) is None
