"""The errors of full disks."""

import errno

import pytest

from harness.disk_errors import is_disk_full


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False), (None, False)]
)
def test_a_disk_and_a_quota_can_be_full(number: int | None, expected: bool) -> None:
    assert is_disk_full(OSError(number, "refused")) is expected
