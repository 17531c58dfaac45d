"""Detection of clock skew: services refuse signatures and tokens if the clocks differ by several minutes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SUSPICIOUS = timedelta(minutes=5)  # Azure allows fifteen; delays of responses and tokens use up a part of them


def skew(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """The service's time minus the local time; None if the difference is small or unknown.

    Args:
        headers: the headers of a response.
        now: the local time.
    """
    try:
        service_time = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    difference = (service_time if service_time.tzinfo else service_time.replace(tzinfo=UTC)) - now
    return difference if abs(difference) > _SUSPICIOUS else None


def explain(difference: timedelta, host: str) -> str:
    """Describe the difference, and what to do about it."""
    minutes = round(abs(difference).total_seconds() / 60)
    side = "behind" if difference > timedelta(0) else "ahead of"
    return (
        f"the clock of this machine is {minutes} minutes {side} that of {host}, which therefore refuses its signatures "
        "and tokens; set it: timedatectl set-ntp true"
    )
