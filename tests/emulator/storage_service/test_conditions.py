"""Conditional headers of a request against a resource."""

from datetime import UTC, datetime

import pytest

from harness.emulator.storage_service import conditions
from harness.emulator.storage_service.errors import StorageError

CHANGED = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)


def check(**headers: str) -> None:
    request_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    conditions.check(request_headers, etag='"0x1"', modified=CHANGED, read=False)


@pytest.mark.parametrize("date", ["", "null", "yesterday", "Thu, 99 Jan 2026 00:00:00 GMT"])
@pytest.mark.parametrize("name", ["if_modified_since", "if_unmodified_since"])
def test_a_date_that_is_none_is_no_condition(name: str, date: str) -> None:
    check(**{name: date})


@pytest.mark.parametrize(
    "headers",
    [
        {"if_modified_since": "Thu, 01 Jan 2026 12:00:00 GMT"},
        {"if_unmodified_since": "Thu, 01 Jan 2026 11:59:59 GMT"},
        {"if_match": '"0x2"'},
        {"if_none_match": '"0x1"'},
    ],
)
def test_a_condition_that_does_not_hold_refuses(headers: dict[str, str]) -> None:
    with pytest.raises(StorageError) as refused:
        check(**headers)
    assert (refused.value.status, refused.value.code) == (412, "ConditionNotMet")


def test_conditions_that_hold_let_pass() -> None:
    check(if_modified_since="Thu, 01 Jan 2026 11:59:59 GMT", if_unmodified_since="Thu, 01 Jan 2026 12:00:00 GMT")
    check(if_match="0x1", if_none_match='"0x2"')
