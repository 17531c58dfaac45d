"""$filter and $select."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.providers.batchai.rules.odata import FilterError, parse_filter, select

DOCUMENT = {"id": "/x", "name": "Job", "properties": {"executionState": "running", "nodeCount": 2, "isOld": False}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("name eq 'job'", True),
        ("properties/executionState eq 'failed'", False),
        ("executionState ne 'failed'", True),
        ("nodeCount ge 2 and nodeCount lt 3", True),
        ("nodeCount gt 2 or name eq 'job'", True),
        ("not (name eq 'job')", False),
        ("not name eq 'job' or isOld eq false", True),
        ("missing eq null", True),
        ("missing gt 3", False),
        ("name eq 'it''s'", False),
    ],
)
def test_a_filter_holds_or_not(text: str, holds: bool) -> None:
    assert parse_filter(text)(DOCUMENT) is holds


@pytest.mark.parametrize(
    "text", ["name", "name eq", "name is 'x'", "(name eq 'x'", "name eq 'x' name", "name eq x", "'"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with contextlib.suppress(FilterError):
        parse_filter(text)(DOCUMENT)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(FilterError, match="too deep"):
        parse_filter("(" * 1000)


def test_a_selection_keeps_the_id_and_what_was_named() -> None:
    assert select(DOCUMENT, ["name", "properties/nodeCount"]) == {
        "id": "/x", "name": "Job", "properties": {"nodeCount": 2},
    }  # fmt: skip
