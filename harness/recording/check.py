"""Looking for secrets in a cassette that is already on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.recording.encodings import KnownValues
from harness.recording.interactions import Interaction
from harness.recording.reel import Reel, open_reel
from harness.recording.secrets import (
    NOTHING_KNOWN,
    Secret,
    find_secrets,
    secrets_of_body,
    secrets_of_cookies,
    secrets_of_headers,
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place that looks secret; ``what`` names the kind, and the value itself is never kept."""

    line: int
    what: str


def check_cassette(path: Path, known: KnownValues = NOTHING_KNOWN) -> list[Finding]:
    """What looks secret in a cassette, by line; in bodies that are compressed, too.

    Args:
        path: its file.
        known: values that must not occur at all.

    Raises:
        CassetteError: it cannot be read.
    """
    reel = open_reel(path)
    findings = {
        Finding(_line(reel, place, secret), f"{secret.what} in {where}")
        for place in range(len(reel.outlines))
        for where, secret in _secrets(reel.interaction(place), known)
    }
    for name, value in (reel.provenance() or {}).items():
        findings |= {Finding(1, f"{secret.what} in {name}") for secret in find_secrets(str(value), known)}
    return sorted(findings)


def _secrets(item: Interaction, known: KnownValues) -> Iterator[tuple[str, Secret]]:
    request, response = item.request, item.response
    for where, secrets in (
        ("the URL", find_secrets(request.uri, known)),
        ("the request's headers", secrets_of_headers(request.headers, known)),
        ("the request's body", secrets_of_body(request.body, known)),
        ("the answer's headers", secrets_of_headers(response.headers, known)),
        ("the answer's headers", secrets_of_cookies(response.cookies, known)),
        ("the answer's body", secrets_of_body(response.body, known)),
    ):
        yield from ((where, secret) for secret in secrets)


def _line(reel: Reel, place: int, secret: Secret) -> int:
    """The line of the value itself where it stands in the file as it is, else the line of its interaction."""
    first, text = reel.span(place)
    at = text.find(secret.value) if secret.value else -1
    return first + text.count("\n", 0, max(at, 0))
