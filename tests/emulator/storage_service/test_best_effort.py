"""An error in the clean-up does not fail an operation that has succeeded."""

import sqlite3

import pytest

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.best_effort import best_effort


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error"), errors.not_found()],
    ids=["disk", "store", "service"],
)
def test_what_the_disk_or_the_store_refuses_is_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with best_effort("a record stays"):
        raise error

    assert caplog.messages == [f"a record stays: {error}"]


def test_a_mistake_in_the_program_is_raised() -> None:
    with pytest.raises(TypeError), best_effort("a record stays"):
        raise TypeError("no such method")
