"""Deleted shares after the end of their retention."""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from harness.clock import SteppingClock
from harness.emulator.providers.files import quota
from harness.emulator.providers.files.directory_copy import CopiedEntry, copy_directory
from harness.emulator.providers.files.handlers import snapshots
from harness.emulator.storage_service import trash
from tests.emulator.storage_service.lone_storage import Call, LoneStorage, StorageResponse, lone_storage, run

DAY = timedelta(days=1).total_seconds()


def listed(storage: LoneStorage) -> str:
    [response] = run(storage, Call("file", "GET", "?comp=list&include=deleted"))
    return response.body.decode("utf-8-sig")


def restored(storage: LoneStorage, version: str) -> StorageResponse:
    headers = (("x-ms-deleted-share-name", "share"), ("x-ms-deleted-share-version", version))
    [response] = run(storage, Call("file", "PUT", "share?restype=share&comp=undelete", headers))
    return response


def test_a_share_can_be_restored_until_its_days_are_over(tmp_path: Path) -> None:
    clock = SteppingClock()
    with lone_storage(tmp_path, clock) as storage:
        run(storage, Call("file", "PUT", "share?restype=share"), Call("file", "DELETE", "share?restype=share"))
        assert "<RemainingRetentionDays>7</RemainingRetentionDays>" in listed(storage)
        version = listed(storage).partition("<Version>")[2].partition("</Version>")[0]
        clock.sleep(6 * DAY + 1)
        assert "<RemainingRetentionDays>1</RemainingRetentionDays>" in listed(storage)

        clock.sleep(DAY)

        assert "<Deleted>" not in listed(storage)
        assert restored(storage, version).status == 404


def test_the_next_deletion_takes_what_is_over_from_the_disk(tmp_path: Path) -> None:
    clock = SteppingClock()
    with lone_storage(tmp_path, clock) as storage:
        run(storage, Call("file", "PUT", "share?restype=share"), Call("file", "DELETE", "share?restype=share"))
        clock.sleep(8 * DAY)
        assert [path.name.partition("!")[0] for path in (storage.directory / "file").iterdir()] == ["share"]

        run(storage, Call("file", "PUT", "later?restype=share"), Call("file", "DELETE", "later?restype=share"))

        assert [path.name.partition("!")[0] for path in (storage.directory / "file").iterdir()] == ["later"]


def test_what_is_over_is_taken_from_the_disk_at_the_next_start(tmp_path: Path) -> None:
    clock = SteppingClock()
    with lone_storage(tmp_path, clock) as storage:
        run(storage, Call("file", "PUT", "share?restype=share"), Call("file", "DELETE", "share?restype=share"))
    clock.sleep(8 * DAY)

    with lone_storage(tmp_path, clock) as storage:
        assert list((storage.directory / "file").iterdir()) == []


def test_a_share_that_cannot_be_deleted_for_good_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppingClock()
    with lone_storage(tmp_path, clock) as storage:
        for name in ("first", "second"):
            clock.sleep(1)
            run(storage, Call("file", "PUT", f"{name}?restype=share"), Call("file", "DELETE", f"{name}?restype=share"))
        clock.sleep(8 * DAY)
        refuse_renames_of(monkeypatch, "first!")

        run(storage, Call("file", "PUT", "later?restype=share"), Call("file", "DELETE", "later?restype=share"))

        names = {path.name.partition("!")[0] for path in (storage.directory / "file").iterdir()}
        assert names == {"first", "later"}


def refuse_renames_of(monkeypatch: pytest.MonkeyPatch, beginning: str) -> None:
    """Make the disk refuse to move one directory, as if it were immutable."""
    rename = trash.rename_to_new

    def refusing(source: Path, parent: int, name: str) -> None:
        if source.name.startswith(beginning):
            raise PermissionError(1, "Operation not permitted")
        rename(source, parent, name)

    monkeypatch.setattr(trash, "rename_to_new", refusing)


def test_two_deletions_of_one_moment_keep_two_shares(tmp_path: Path) -> None:
    create, delete = (Call("file", method, "share?restype=share") for method in ("PUT", "DELETE"))
    with lone_storage(tmp_path, SteppingClock()) as storage:
        assert [response.status for response in run(storage, create, delete, create, delete)] == [201, 202, 201, 202]

        assert listed(storage).count("<Deleted>") == 2


def test_a_share_that_is_deleted_while_its_snapshot_is_taken_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next share of that name would have it, with the content of this one."""
    create, delete = (Call("file", method, "share?restype=share") for method in ("PUT", "DELETE"))
    copying, deleted = Event(), Event()

    def waiting(source: Path, target: Path, *, links: bool) -> Generator[CopiedEntry, None, None]:
        for entry in copy_directory(source, target, links=links):
            copying.set()
            assert deleted.wait(60)
            yield entry

    async def both(storage: LoneStorage) -> StorageResponse:
        taking = asyncio.create_task(storage.ask(Call("file", "PUT", "share?restype=share&comp=snapshot")))
        assert await asyncio.to_thread(copying.wait, 60)
        assert (await storage.ask(delete)).status == 202
        deleted.set()
        return await taking

    monkeypatch.setattr(snapshots, "copy_directory", waiting)
    with lone_storage(tmp_path, SteppingClock()) as storage:
        run(storage, create, *file(1))

        response = asyncio.run(both(storage))

        assert (response.status, dict(response.headers)["x-ms-error-code"]) == (404, "ShareNotFound")
        run(storage, create)
        [response] = run(storage, Call("file", "GET", "?comp=list&include=snapshots"))
        assert b"<Snapshot>" not in response.body
        assert [path.name for path in (storage.directory / "file").iterdir() if "@" in path.name] == []


def test_a_restored_share_has_its_own_room_and_not_that_of_another_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "_GIB", 1 << 20)
    clock = SteppingClock()
    create = Call("file", "PUT", "share?restype=share", (("x-ms-share-quota", "1"),))
    delete = Call("file", "DELETE", "share?restype=share")
    with lone_storage(tmp_path, clock) as storage:
        run(storage, create, *file(900 << 10), delete)
        version = listed(storage).partition("<Version>")[2].partition("</Version>")[0]
        clock.sleep(1)
        run(storage, create, *file(200 << 10), delete)
        assert restored(storage, version).status == 201

        responses = run(storage, *file(300 << 10, name="g"))

        assert responses[-1].status == 409
        assert b"ShareSizeLimitReached" in responses[-1].body


def file(size: int, name: str = "f") -> tuple[Call, Call]:
    """Calls that create a file of a size and fill it."""
    headers = (("x-ms-range", f"bytes=0-{size - 1}"), ("x-ms-write", "update"))
    return (
        Call("file", "PUT", f"share/{name}", (("x-ms-type", "file"), ("x-ms-content-length", str(size)))),
        Call("file", "PUT", f"share/{name}?comp=range", headers, b"x" * size),
    )
