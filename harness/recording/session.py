"""A ``requests`` session that records to a cassette, replays one, or does neither."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import requests

from harness.clock import Clock, SystemClock
from harness.recording.cassette import fold, save_cassette
from harness.recording.matching import UnusedAnswers
from harness.recording.processors import scrub_all
from harness.recording.provenance import full_provenance
from harness.recording.recorder import RecordingAdapter, Tape
from harness.recording.replay import ReplayAdapter
from harness.recording.scrub import Scrubber

RecordMode = Literal["live", "record", "replay"]
ReportUnused = Callable[[Path, Sequence[UnusedAnswers]], None]


@contextmanager
def open_session(
    cassette: Path,
    mode: RecordMode,
    *,
    replacements: Mapping[str, str],
    base: Callable[[], requests.Session],
    provenance: Mapping[str, str],
    report_unused: ReportUnused | None = None,
    clock: Clock | None = None,
) -> Iterator[requests.Session]:
    """Open the session that all SDK clients of one cassette share.

    The cassette is written when the block ends normally, and not if the block raises.

    Args:
        cassette: the file; ignored when ``mode`` is ``live``.
        mode: ``live`` (no cassette), ``record`` (real traffic) or ``replay`` (no traffic, no base session).
        replacements: secret value -> its stable placeholder, for requests and responses.
        base: creates the real session (proxies, trusted CA); not called in replay.
        provenance: entries of the cassette's provenance, besides the time and the versions.
        report_unused: called when a replay ends normally and some recorded responses were not requested.
        clock: provides the time of a recording; default the system clock.

    Raises:
        CassetteError: the cassette is missing or unreadable (replay, at the first request), or would hold a
            secret (record, at the end).
    """
    scrubber = Scrubber(replacements)
    if mode == "replay":
        with _replaying(cassette, scrubber, report_unused) as session:
            yield session
        return
    with base() as session:
        if mode == "live":
            yield session
            return
        tape = Tape()
        for prefix, adapter in list(session.adapters.items()):
            session.mount(prefix, RecordingAdapter(adapter, tape))
        yield session
    interactions, informed = scrub_all(tape.interactions(), scrubber)
    save_cassette(
        cassette, fold(interactions), full_provenance(provenance, clock or SystemClock()), informed.secret_values
    )


@contextmanager
def _replaying(cassette: Path, scrubber: Scrubber, report_unused: ReportUnused | None) -> Iterator[requests.Session]:
    adapter = ReplayAdapter(cassette, scrubber)
    with requests.Session() as session:
        session.trust_env = False
        for prefix in ("https://", "http://"):
            session.mount(prefix, adapter)
        yield session
    if report_unused is not None and (unused := adapter.unused()):
        report_unused(cassette, unused)


def unused_answers(session: requests.Session) -> list[UnusedAnswers]:
    """List the recorded responses that a replaying session has not requested; empty for other sessions."""
    adapter = session.adapters.get("https://")
    return adapter.unused() if isinstance(adapter, ReplayAdapter) else []


def recorded_provenance(session: requests.Session) -> Callable[[], Mapping[str, str]]:
    """Return a function that reads the provenance of a replaying session's cassette; empty for other sessions."""
    adapter = session.adapters.get("https://")
    return adapter.provenance if isinstance(adapter, ReplayAdapter) else dict
