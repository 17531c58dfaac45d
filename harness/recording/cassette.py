"""Cassettes on disk: where a story's file is, how it is written whole or not at all, and read."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from harness.atomic_file import write_file
from harness.errors import CassetteError
from harness.recording.document import write_document
from harness.recording.encodings import KnownValues
from harness.recording.interactions import Interaction
from harness.recording.placeholders import WORD
from harness.recording.reel import open_reel
from harness.recording.secrets import find_secrets, secrets_of_body, secrets_of_cookies, secrets_of_headers


def cassette_path(directory: Path, story: str) -> Path:
    """The file of a story.

    Args:
        directory: the directory of all cassettes.
        story: ``<scenario>/<resource or trial id>``; characters a file name cannot have are percent-encoded,
            and a name longer than 150 bytes ends in a digest instead.
    """
    scenario, _, name = story.partition("/")
    return directory / _file_name(scenario) / f"{_file_name(name or scenario)}.yaml"


def _file_name(name: str) -> str:
    safe = quote(name, safe=" =,+@()").lstrip(".") or "_"
    if len(safe) <= 150:
        return safe
    return f"{safe[:130]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def fold(interactions: Iterable[Interaction]) -> list[Interaction]:
    """Count identical polls: a GET asked again, with the same answer, and no write in between."""
    folded: list[Interaction] = []
    last_of: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for item in interactions:
        if item.request.method not in ("GET", "HEAD"):
            last_of.clear()
            folded.append(item)
            continue
        key = (f"{item.request.method} {item.request.uri}", tuple(sorted(item.request.headers.items())))
        at = last_of.get(key)
        if at is not None and folded[at].response == item.response:
            previous = folded[at]
            folded[at] = Interaction(previous.request, previous.response, previous.count + item.count)
            continue
        last_of[key] = len(folded)
        folded.append(item)
    return folded


def save_cassette(
    path: Path,
    interactions: Sequence[Interaction],
    provenance: Mapping[str, str],
    known_secrets: Iterable[str] | KnownValues = (),
) -> None:
    """Write a cassette whole or not at all.

    Args:
        path: the file; its directory is made.
        interactions: already scrubbed.
        provenance: when, against what and with which versions it was recorded.
        known_secrets: values that must not occur in it, in any spelling.

    Raises:
        CassetteError: something in it looks secret, or it cannot be written. An older cassette stays.
    """
    known = known_secrets if isinstance(known_secrets, KnownValues) else KnownValues(dict.fromkeys(known_secrets, WORD))
    for item in interactions:
        _refuse_secrets(path, item, known)
    for name, value in provenance.items():
        for secret in find_secrets(value, known):
            raise CassetteError(f"{path} is not written: its provenance, {name}, would hold {secret.what}")
    try:
        _write_atomically(path, write_document(interactions, provenance))
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be written: {error.strerror}; the old one is unchanged") from error


def _refuse_secrets(path: Path, item: Interaction, known: KnownValues) -> None:
    """Looked for before it is written: no scan of the file would see into bodies that are compressed."""
    request, response = item.request, item.response
    for place, secrets in (
        ("a URL", find_secrets(request.uri, known)),
        ("a header", secrets_of_headers({**request.headers, **response.headers}, known)),
        ("a header", secrets_of_cookies(response.cookies, known)),
        ("a body", secrets_of_body(request.body, known)),
        ("a body", secrets_of_body(response.body, known)),
    ):
        for secret in secrets:
            about = f"{request.method} {urlsplit(request.uri).path}" if place != "a URL" else request.method
            raise CassetteError(f"{path} is not written: {place} of {about} would hold {secret.what}")


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text.encode(), mode=0o644)  # a cassette is meant to be shared and committed


def load_cassette(path: Path) -> list[Interaction]:
    """Read a cassette, ours or one that another tool has written in vcrpy's format.

    Raises:
        CassetteError: it is missing, is no YAML, or is no cassette.
    """
    reel = open_reel(path)
    return [reel.interaction(place) for place in range(len(reel.outlines))]
