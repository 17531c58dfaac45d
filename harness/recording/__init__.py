"""Cassettes behind one ``requests`` adapter: recording, scrubbing, replay and the socket guard."""

from harness.recording.cassette import cassette_path, load_cassette
from harness.recording.matching import UnusedAnswers
from harness.recording.session import RecordMode, ReportUnused, open_session, unused_answers
from harness.recording.socket_guard import blocked_sockets

__all__ = [
    "RecordMode",
    "ReportUnused",
    "UnusedAnswers",
    "blocked_sockets",
    "cassette_path",
    "load_cassette",
    "open_session",
    "unused_answers",
]
