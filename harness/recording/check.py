"""Looking for secrets in a cassette that is already on disk."""

from collections.abc import Iterator
from pathlib import Path

from harness.errors import CassetteError
from harness.recording.cassette import load_cassette
from harness.recording.secrets import Finding, find_secrets


def check_cassette(path: Path) -> list[Finding]:
    """What looks secret in a cassette, by line; in bodies that stand apart too.

    Raises:
        CassetteError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CassetteError(f"cassette {path} cannot be read: {error}") from error
    findings = set(find_secrets(text)) | set(_in_packed_bodies(path, text))
    return sorted(findings, key=lambda finding: (finding.line, finding.what))


def _in_packed_bodies(path: Path, text: str) -> Iterator[Finding]:
    for item in load_cassette(path):
        body = item.response.body.decode("utf-8", "replace")
        if body not in text:
            line = text.count("\n", 0, max(0, text.find(item.request.uri))) + 1
            yield from (Finding(line, f"{found.what} in the answer's body") for found in find_secrets(body))
