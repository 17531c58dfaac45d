"""Cassettes behind one ``requests`` adapter: recording, scrubbing, replay and the socket guard."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.recording.cassette import cassette_path, load_cassette
    from harness.recording.matching import UnusedAnswers
    from harness.recording.recordings import Recordings
    from harness.recording.session import RecordMode, ReportUnused, open_session, recorded_provenance, unused_answers
    from harness.recording.socket_guard import blocked_sockets
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "RecordMode": "session",
            "Recordings": "recordings",
            "ReportUnused": "session",
            "UnusedAnswers": "matching",
            "blocked_sockets": "socket_guard",
            "cassette_path": "cassette",
            "load_cassette": "cassette",
            "open_session": "session",
            "recorded_provenance": "session",
            "unused_answers": "session",
        },
    )

__all__ = [
    "RecordMode",
    "Recordings",
    "ReportUnused",
    "UnusedAnswers",
    "blocked_sockets",
    "cassette_path",
    "load_cassette",
    "open_session",
    "recorded_provenance",
    "unused_answers",
]
