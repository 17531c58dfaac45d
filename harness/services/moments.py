"""Moments as services write them. Pure."""

import re
from datetime import datetime


def moment_of(text: object) -> datetime | None:
    """The moment in a field of an answer; None where it is absent, or no moment."""
    if not isinstance(text, str):
        return None
    # The services write seven decimals of a second, Python reads six.
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
