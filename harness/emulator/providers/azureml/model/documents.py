"""The wire forms of times and system data, which every resource has."""

from datetime import datetime
from typing import Any

Document = dict[str, Any]


def format_time(moment: datetime) -> str:
    """The service's form of times: seven decimals and an offset, ``2022-12-28T19:41:09.2188520+00:00``."""
    return f"{_to_microseconds(moment)}0+00:00"


def format_utc_time(moment: datetime) -> str:
    """The form of a workspace's own times: seven decimals and ``Z``."""
    return f"{_to_microseconds(moment)}0Z"


def _to_microseconds(moment: datetime) -> str:
    """A time without offset. ``strftime`` would take ten times as long, and most responses hold times."""
    return moment.isoformat(timespec="microseconds")[:26]


def system_data(created: datetime, modified: datetime | None = None, *, by: str) -> Document:
    """The authors and times of the creation and the last change; jobs have only those of the creation."""
    creation = {"createdAt": format_time(created), "createdBy": by, "createdByType": "Application"}
    if modified is None:
        return creation
    return creation | {
        "lastModifiedAt": format_time(modified),
        "lastModifiedBy": by,
        "lastModifiedByType": "Application",
    }
