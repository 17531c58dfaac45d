from datetime import UTC, datetime

import pytest

from harness.emulator.wire import timestamp


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "2018-05-01T04:50:10Z"),
        (999, "2018-05-01T04:50:10Z"),
        (580_000, "2018-05-01T04:50:10.58Z"),
        (580_999, "2018-05-01T04:50:10.58Z"),
        (1_000, "2018-05-01T04:50:10.001Z"),
        (500_000, "2018-05-01T04:50:10.5Z"),
    ],
)
def test_a_timestamp_has_as_many_of_three_decimals_as_it_needs(microseconds: int, text: str) -> None:
    assert timestamp(datetime(2018, 5, 1, 4, 50, 10, microseconds, tzinfo=UTC)) == text
