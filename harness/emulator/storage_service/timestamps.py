"""Times in ns since 1970, as file systems store them, in the forms of the storage services; pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_BEFORE_1970 = 621_355_968_000_000_000  # of 100 ns, since the year 1
_MICROSECOND = timedelta(microseconds=1)


def nanoseconds(moment: datetime) -> int:
    """A time in ns since 1970."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def at(nanosecond: int) -> datetime:
    """The time as a datetime, truncated to microseconds."""
    return _EPOCH + timedelta(microseconds=nanosecond // 1000)


def etag(nanosecond: int) -> str:
    """A strong etag: .NET ticks in upper-case hexadecimal."""
    return f'"0x{nanosecond // 100 + _TICKS_BEFORE_1970:X}"'


@lru_cache(maxsize=16)  # one request needs the same stamp several times
def stamp(nanosecond: int) -> str:
    """The time with seven decimals, as in SMB times and snapshots."""
    return f"{at(nanosecond):%Y-%m-%dT%H:%M:%S}.{nanosecond % 1_000_000_000 // 100:07}Z"
