"""The one seam: a ``requests`` session whose adapter records, replays, or does neither."""

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
    """A session that all SDK clients of one cassette share.

    A cassette is written when the block ends well, and not at all when it raises.

    Args:
        cassette: the file; ignored when ``mode`` is ``live``.
        mode: ``live`` (no cassette), ``record`` (real traffic) or ``replay`` (no traffic, no base session).
        replacements: secret value -> its stable placeholder, for requests and responses.
        base: makes the real session (proxies, trusted CA); not called in replay.
        provenance: what the cassette says about where it comes from, besides the time and the versions.
        report_unused: called when a replay ends well and some of its responses were not asked for.
        clock: gives the time of a recording; default the machine's.

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
    save_cassette(cassette, fold(interactions), full_provenance(provenance, clock or SystemClock()), informed.known)


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
    """What the cassette of a replaying session holds and nobody has asked for; nothing for other sessions."""
    adapter = session.adapters.get("https://")
    return adapter.unused() if isinstance(adapter, ReplayAdapter) else []


def recorded_provenance(session: requests.Session) -> Callable[[], Mapping[str, str]]:
    """Reads what the cassette of a replaying session says about where it comes from; nothing for other sessions."""
    adapter = session.adapters.get("https://")
    return adapter.provenance if isinstance(adapter, ReplayAdapter) else dict
