"""Earlier states of blobs in the store and on disk: the records that a change reads and deletes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.paths import DataDirectory
from harness.emulator.providers.blobs.earlier import EarlierBlob
from harness.emulator.store import Store
from tests.emulator.sqlite_steps import steps
from tests.emulator.storage_service.lone_storage import KEEPING, VERSIONED, Call, LoneStorage, run

DAYS = 2
DAY = timedelta(days=1).total_seconds()
RETENTION = (
    f"<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>{DAYS}</Days>"
    "</DeleteRetentionPolicy></StorageServiceProperties>"
).encode()


class FailingStore(Store):
    """A store that refuses a transaction on demand."""

    before_refusal: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self.before_refusal is not None:
            self.before_refusal -= 1
            if self.before_refusal < 0:
                self.before_refusal = None
                raise sqlite3.OperationalError("disk I/O error")
        with super().transaction():
            yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FailingStore]:
    paths = DataDirectory(tmp_path)
    paths.prepare()
    with closing(FailingStore(paths.database)) as failing_store:
        yield failing_store


@pytest.fixture
def storage(store: FailingStore, tmp_path: Path) -> LoneStorage:
    lone_storage = LoneStorage(store, DataDirectory(tmp_path), SteppingClock(), is_new=True)
    put_retention = Call("blob", "PUT", "?restype=service&comp=properties", body=RETENTION, account=KEEPING)
    containers = [Call("blob", "PUT", "con?restype=container", account=account) for account in (KEEPING, VERSIONED)]
    assert [answer.status for answer in run(lone_storage, put_retention, *containers)] == [202, 201, 201]
    return lone_storage


def write(storage: LoneStorage, account: str, name: str, times: int = 1, content: bytes = b"x") -> None:
    for _ in range(times):
        storage.clock.sleep(1)
        put = Call("blob", "PUT", f"con/{name}", (("x-ms-blob-type", "BlockBlob"),), content, account=account)
        [answer] = run(storage, put)
        assert answer.status == 201


def files(storage: LoneStorage, account: str) -> int:
    """Return the number of files with earlier states of an account's blobs."""
    return sum(1 for _ in (storage.directory.parent / account / "earlier").glob("*/*"))


def test_overwriting_a_blob_of_many_versions_reads_no_more_than_one_of_few(
    storage: LoneStorage, store: FailingStore
) -> None:
    write(storage, VERSIONED, "f", times=20)
    few = steps(store, lambda: write(storage, VERSIONED, "f", times=20))
    write(storage, VERSIONED, "f", times=300)

    many = steps(store, lambda: write(storage, VERSIONED, "f", times=20))

    assert len(store.list(EarlierBlob)) == 359
    assert many < 2 * few


def test_what_has_expired_is_deleted_by_changes_of_other_blobs(storage: LoneStorage, store: FailingStore) -> None:
    write(storage, KEEPING, "untouched", times=3)
    run(storage, Call("blob", "DELETE", "con/untouched", account=KEEPING))
    assert files(storage, KEEPING) == 3

    storage.clock.sleep((DAYS + 1) * DAY)
    write(storage, VERSIONED, "f", times=5)

    assert files(storage, KEEPING) == 0
    assert len(store.list(EarlierBlob)) == files(storage, VERSIONED) == 4


def test_what_is_kept_stays_however_often_it_is_checked(storage: LoneStorage) -> None:
    write(storage, KEEPING, "untouched", times=3)
    run(storage, Call("blob", "DELETE", "con/untouched", account=KEEPING))

    storage.clock.sleep((DAYS - 1) * DAY)
    write(storage, VERSIONED, "f", times=30)

    undelete = Call("blob", "PUT", "con/untouched?comp=undelete", account=KEEPING)
    assert [answer.status for answer in run(storage, undelete)] == [200]
    assert files(storage, KEEPING) == 2


def test_a_change_that_the_store_did_not_settle_is_settled_before_the_next(
    storage: LoneStorage, store: FailingStore
) -> None:
    """A restored blob is overwritten: its record, which is still pending, must not count it as not restored."""
    write(storage, KEEPING, "f", content=b"old")
    write(storage, KEEPING, "f", content=b"first")
    run(storage, Call("blob", "DELETE", "con/f", account=KEEPING))
    storage.clock.sleep(1)
    refuse_settling(storage, store)

    write(storage, KEEPING, "f", content=b"second")

    [listing] = run(storage, Call("blob", "GET", "con?restype=container&comp=list&include=snapshots", account=KEEPING))
    assert listing.body.count(b"<Snapshot>") == 1
    assert {record.turn for _, record in store.list(EarlierBlob)} == {None}


def refuse_settling(storage: LoneStorage, store: FailingStore) -> None:
    """Restore a blob while the store refuses the transaction that settles its earlier states."""
    store.before_refusal = 1
    [answer] = run(storage, Call("blob", "PUT", "con/f?comp=undelete", account=KEEPING))

    assert answer.status == 200
    assert any(record.turn for _, record in store.list(EarlierBlob))
