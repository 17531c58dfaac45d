"""Deleted shares, once the days have passed for which they are kept."""

from datetime import timedelta
from pathlib import Path

from harness.clock import SteppingClock
from tests.emulator.storage_service.lone_storage import Answer, Call, LoneStorage, lone_storage, run

DAY = timedelta(days=1).total_seconds()


def listed(storage: LoneStorage) -> str:
    [answer] = run(storage, Call("file", "GET", "?comp=list&include=deleted"))
    return answer.body.decode("utf-8-sig")


def restored(storage: LoneStorage, version: str) -> Answer:
    headers = (("x-ms-deleted-share-name", "share"), ("x-ms-deleted-share-version", version))
    [answer] = run(storage, Call("file", "PUT", "share?restype=share&comp=undelete", headers))
    return answer


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
