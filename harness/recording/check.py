"""Search for secrets in a cassette file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.recording.cassette_reader import Cassette, open_cassette
from harness.recording.encodings import SecretValues
from harness.recording.limits import LARGEST_CONTENT
from harness.recording.nested_encodings import Unpacker
from harness.recording.secrets import NO_SECRET_VALUES, Secret, find_secrets, secrets_of_interaction

MOST_FINDINGS = 1000  # of one cassette


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A line that seems to hold a secret; ``kind`` names it, and the value itself is never kept."""

    line: int
    kind: str


def check_cassette(path: Path, secret_values: SecretValues = NO_SECRET_VALUES) -> list[Finding]:
    """List what looks secret in a cassette, sorted by line; at most `MOST_FINDINGS`.

    Args:
        path: the file of the cassette.
        secret_values: values that must not occur in it.

    Raises:
        CassetteError: the cassette cannot be read, or exceeds the limits of a search.
    """
    cassette = open_cassette(path)
    findings = {
        Finding(1, f"{secret.kind} in {name}")
        for name, value in (cassette.provenance or {}).items()
        for secret in find_secrets(str(value), secret_values)
    }
    return sorted(findings.union(islice(_findings(cassette, secret_values), MOST_FINDINGS)))


def _findings(cassette: Cassette, secret_values: SecretValues) -> Iterator[Finding]:
    remaining = LARGEST_CONTENT
    for index in range(len(cassette.outlines)):
        unpacker = Unpacker(remaining)
        secrets = set(
            islice(secrets_of_interaction(cassette.interaction(index), secret_values, unpacker), MOST_FINDINGS)
        )
        remaining = unpacker.remaining
        if secrets:
            first, text = cassette.span(index)
            yield from {Finding(_line(first, text, secret), f"{secret.kind} in the {part}") for part, secret in secrets}


def _line(first: int, text: str, secret: Secret) -> int:
    """The line of the value, if the file holds it literally or as JSON; else the first line of its interaction."""
    for form in (secret.value, json.dumps(secret.value, ensure_ascii=False)[1:-1]):
        at = text.find(form) if form else -1
        if at >= 0:
            return first + text.count("\n", 0, at)
    return first
