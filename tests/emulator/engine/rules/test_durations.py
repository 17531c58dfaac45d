"""Time spans of constraints."""

import pytest

from harness.emulator.engine.rules.durations import seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P7D", 604_800),
        ("PT2H30M", 9000),
        ("P1DT0.5S", 86_400.5),
        ("P1W", 604_800),
        ("7.00:00:00", 604_800),
        ("01:02:03", 3723),
        ("P", None),
        ("PT", None),
        ("7 days", None),
        ("", None),
    ],
)
def test_a_time_span_is_read_in_both_forms(text: str, length: float | None) -> None:
    assert seconds(text) == length
