"""When a job was created, started and ended, and how long it waited and ran."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from harness.services.service import JobView


def times_of(view: JobView) -> dict[str, str]:
    """The times that the service reports, in ISO 8601."""
    moments = {"created": view.created, "started": view.started, "ended": view.ended}
    return {name: moment.isoformat() for name, moment in moments.items() if moment is not None}


def durations_of(view: JobView) -> dict[str, float]:
    """Seconds in the queue and running; a duration that is not known yet is absent."""
    steps: dict[str, tuple[datetime | None, datetime | None]] = {
        "queued": (view.created, view.started),
        "running": (view.started, view.ended),
    }
    return dict(_seconds(steps))


def _seconds(steps: Mapping[str, tuple[datetime | None, datetime | None]]) -> Iterator[tuple[str, float]]:
    for name, (begin, end) in steps.items():
        if begin is not None and end is not None:
            yield name, round((end - begin).total_seconds(), 3)
