"""The timestamps of services. Pure."""

import re
from datetime import datetime


def parse_timestamp(text: object) -> datetime | None:
    """Parse the time in a field of a response; None if it is absent or invalid."""
    if not isinstance(text, str):
        return None
    # The services write seven decimals of a second, Python reads six.
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
