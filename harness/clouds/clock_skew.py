"""How far this machine's clock is from a service's: more than some minutes, and signatures and tokens are refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SUSPICIOUS = timedelta(minutes=5)  # Azure allows fifteen, of which answers on their way and tokens use a part


def skew(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How much later it is at the service than here; None where that is too little to matter, or is not known.

    Args:
        headers: of an answer.
        now: the time here.
    """
    try:
        there = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    difference = (there if there.tzinfo else there.replace(tzinfo=UTC)) - now
    return difference if abs(difference) > _SUSPICIOUS else None


def explain(difference: timedelta, host: str) -> str:
    """The difference in words, and what to do about it."""
    minutes = round(abs(difference).total_seconds() / 60)
    side = "behind" if difference > timedelta(0) else "ahead of"
    return (
        f"the clock of this machine is {minutes} minutes {side} that of {host}, which therefore refuses what is signed "
        "here; set it: timedatectl set-ntp true"
    )
