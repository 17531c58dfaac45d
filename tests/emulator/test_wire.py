import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.wire import new_guid, ordered_guid, timestamp

MOMENTS = st.timedeltas(timedelta(), timedelta(days=30_000)).map(lambda since: datetime(2017, 1, 1, tzinfo=UTC) + since)


def test_guids_are_valid_and_differ() -> None:
    made = {new_guid() for _ in range(1000)}

    assert len(made) == 1000
    assert all(str(uuid.UUID(guid)) == guid and uuid.UUID(guid).version == 4 for guid in made)


@given(MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)))
def test_an_ordered_guid_comes_after_all_earlier_ones(moment: datetime, later: timedelta) -> None:
    first, second = ordered_guid(moment), ordered_guid(moment + later)

    assert first < second
    assert uuid.UUID(first).version == 7


def test_ordered_guids_of_one_moment_differ() -> None:
    moment = datetime(2018, 5, 1, tzinfo=UTC)

    assert len({ordered_guid(moment) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("microseconds", "written"),
    [
        (0, "2018-05-01T04:50:10Z"),
        (999, "2018-05-01T04:50:10Z"),
        (580_000, "2018-05-01T04:50:10.58Z"),
        (580_999, "2018-05-01T04:50:10.58Z"),
        (1_000, "2018-05-01T04:50:10.001Z"),
        (500_000, "2018-05-01T04:50:10.5Z"),
    ],
)
def test_a_timestamp_has_as_many_of_three_decimals_as_it_needs(microseconds: int, written: str) -> None:
    assert timestamp(datetime(2018, 5, 1, 4, 50, 10, microseconds, tzinfo=UTC)) == written
