"""The file for which a record is valid; pure."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.emulator.providers.files.model import Properties
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import bind, next_time, valid_record

SECOND = 1_000_000_000


def entry(inode: int, time: int = 0, birth: int = 7) -> Entry:
    return Entry("f", False, 3, time, time, 0, 0, inode, birth)


def record(name: str) -> Properties:
    return Properties(metadata={"of": name})


def shown(properties: Properties | None) -> str | None:
    return properties.metadata["of"] if properties else None


def test_a_record_holds_for_its_file_alone() -> None:
    bound = bind(record("a"), entry(1))

    assert shown(valid_record(bound, entry(1))) == "a"
    assert shown(valid_record(bound, entry(1, time=5))) == "a", "also after a write to it"
    assert valid_record(bound, entry(2)) is None
    assert valid_record(bound, entry(1, birth=8)) is None, "another file with the same inode"
    assert valid_record(None, entry(1)) is None


def test_before_a_rename_the_record_of_the_replaced_file_holds() -> None:
    bound = bind(record("new"), entry(2), previous=bind(record("old"), entry(1)))

    assert shown(valid_record(bound, entry(1))) == "old"
    assert shown(valid_record(bound, entry(2))) == "new"
    assert valid_record(bound, entry(3)) is None


def test_before_a_write_the_record_of_the_old_state_holds() -> None:
    bound = bind(record("new"), entry(1, time=2), previous=bind(record("old"), entry(1, time=1)))

    assert shown(valid_record(bound, entry(1, time=1))) == "old"
    assert shown(valid_record(bound, entry(1, time=2))) == "new"


def test_only_one_record_is_kept_of_those_before() -> None:
    first = bind(record("1"), entry(1))
    third = bind(record("3"), entry(3), previous=bind(record("2"), entry(2), previous=first))

    assert third.previous == replace(third.previous or first, previous=None)
    assert valid_record(third, entry(1)) is None


@given(before=st.integers(0, 10 * SECOND), now=st.integers(0, 10 * SECOND))
def test_a_change_has_another_time_than_the_one_before(before: int, now: int) -> None:
    assert next_time(now, before) != before
    assert next_time(now, before) >= min(now, before)
