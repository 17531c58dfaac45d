import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.guids import new_guid, ordered_guid

MOMENTS = st.timedeltas(timedelta(), timedelta(days=30_000)).map(lambda since: datetime(2017, 1, 1, tzinfo=UTC) + since)


def test_guids_are_valid_and_differ() -> None:
    guids = {new_guid() for _ in range(1000)}

    assert len(guids) == 1000
    assert all(str(uuid.UUID(guid)) == guid and uuid.UUID(guid).version == 4 for guid in guids)


@given(MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)))
def test_an_ordered_guid_comes_after_all_earlier_ones(moment: datetime, later: timedelta) -> None:
    first, second = ordered_guid(moment), ordered_guid(moment + later)

    assert first < second
    assert uuid.UUID(first).version == 7


def test_ordered_guids_of_one_moment_differ() -> None:
    moment = datetime(2018, 5, 1, tzinfo=UTC)

    assert len({ordered_guid(moment) for _ in range(1000)}) == 1000
