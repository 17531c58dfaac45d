"""Looking for secrets in a cassette that is already on disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.recording.cassette_reader import Cassette, open_cassette
from harness.recording.encodings import KnownValues
from harness.recording.limits import LARGEST_CONTENT
from harness.recording.nested_encodings import Unpacker
from harness.recording.secrets import NOTHING_KNOWN, Secret, find_secrets, secrets_of_interaction

MOST_FINDINGS = 1000  # of one cassette


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place that looks secret; ``what`` names the kind, and the value itself is never kept."""

    line: int
    what: str


def check_cassette(path: Path, known: KnownValues = NOTHING_KNOWN) -> list[Finding]:
    """What looks secret in a cassette, by line; at most `MOST_FINDINGS`.

    Args:
        path: its file.
        known: values that must not occur at all.

    Raises:
        CassetteError: it cannot be read, or holds too much to look through.
    """
    cassette = open_cassette(path)
    findings = {
        Finding(1, f"{secret.what} in {name}")
        for name, value in (cassette.provenance or {}).items()
        for secret in find_secrets(str(value), known)
    }
    return sorted(findings.union(islice(_findings(cassette, known), MOST_FINDINGS)))


def _findings(cassette: Cassette, known: KnownValues) -> Iterator[Finding]:
    left = LARGEST_CONTENT
    for index in range(len(cassette.outlines)):
        unpacker = Unpacker(left)
        found = set(islice(secrets_of_interaction(cassette.interaction(index), known, unpacker), MOST_FINDINGS))
        left = unpacker.left
        if found:
            first, text = cassette.span(index)
            yield from {Finding(_line(first, text, secret), f"{secret.what} in the {part}") for part, secret in found}


def _line(first: int, text: str, secret: Secret) -> int:
    """The line of the value, if the file holds it as it is or as JSON writes it; else the line of its interaction."""
    for written in (secret.value, json.dumps(secret.value, ensure_ascii=False)[1:-1]):
        at = text.find(written) if written else -1
        if at >= 0:
            return first + text.count("\n", 0, at)
    return first
