"""The states of a lease, as in Microsoft's tables of "Lease Blob"."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.emulator.storage_service import leases
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = "11111111-1111-1111-1111-111111111111"
RENEW = leases.Action("renew", None, "", ID, None, endless=False)


def test_a_lease_that_ran_out_is_renewed_while_nothing_was_written() -> None:
    expired = Lease(ID, 15, NOW - timedelta(seconds=1))

    assert leases.apply(RENEW, expired, NOW) == Lease(ID, 15, NOW + timedelta(seconds=15))


@pytest.mark.parametrize(
    "over",
    [
        pytest.param(Lease(ID, 15, NOW - timedelta(seconds=1)), id="expired"),
        pytest.param(Lease(ID, leases.FOR_EVER, NOW, breaking=True), id="broken"),
    ],
)
def test_a_write_removes_a_lease_that_has_ended(over: Lease) -> None:
    after = leases.after_write(over, NOW)

    assert leases.state(after, NOW) == "available"
    with pytest.raises(StorageError) as refused:
        leases.apply(RENEW, after, NOW)
    assert (refused.value.status, refused.value.code) == (409, "LeaseIdMismatchWithLeaseOperation")


@pytest.mark.parametrize(
    "holding",
    [
        pytest.param(Lease(ID, 15, NOW + timedelta(seconds=1)), id="leased"),
        pytest.param(Lease(ID, leases.FOR_EVER), id="leased for ever"),
        pytest.param(Lease(ID, 60, NOW + timedelta(seconds=1), breaking=True), id="breaking"),
    ],
)
def test_a_lease_that_holds_outlasts_a_write(holding: Lease) -> None:
    assert leases.after_write(holding, NOW) == holding
