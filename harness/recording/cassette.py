"""Cassettes on disk: their file names, and how a recording is written completely or not at all."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from harness.atomic_file import write_file
from harness.errors import CassetteError
from harness.recording.cassette_format import write_document
from harness.recording.cassette_reader import open_cassette
from harness.recording.encodings import SecretValues
from harness.recording.interactions import Interaction
from harness.recording.limits import LARGEST_FILE, MOST_INTERACTIONS, MOST_REPEATS
from harness.recording.placeholders import WORD
from harness.recording.secrets import find_secrets, secrets_of_interaction

_LONGEST_NAME = 150  # bytes
_PREFIX_OF_LONG_NAME = 130


def cassette_path(directory: Path, name: str) -> Path:
    """Return the file of a cassette; different names have different files.

    Args:
        directory: the directory of all cassettes of a service.
        name: ``<scenario>/<resource or trial id>``; each slash is a directory. Characters that a file name cannot have
            are percent-encoded, and a part longer than 150 bytes ends in a digest instead.
    """
    *directories, last = map(_file_name, name.split("/"))
    return directory.joinpath(*directories, f"{last}.json")


def _file_name(part: str) -> str:
    safe = quote(part, safe=" =,+@()~") or "%"
    if safe.startswith("."):  # such files are hidden, and some of them are directories
        safe = f"%2E{safe[1:]}"
    if len(safe) <= _LONGEST_NAME:
        return safe
    return f"{safe[:_PREFIX_OF_LONG_NAME]}-{hashlib.sha256(part.encode()).hexdigest()[:16]}"


def existing_cassette(path: Path) -> Path:
    """Return the file to replay: the given path, or YAML of the same name if only that exists."""
    yaml_paths = (path.with_name(f"{path.name.removesuffix('.json')}{suffix}") for suffix in (".yaml", ".yml"))
    return path if path.exists() else next(filter(Path.exists, yaml_paths), path)


def fold(interactions: Iterable[Interaction]) -> list[Interaction]:
    """Merge identical polls into one interaction with a count.

    A poll is identical if the same GET or HEAD got the same response, and no write was sent in between.
    """
    folded: list[Interaction] = []
    last_indexes: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for item in interactions:
        if item.request.method not in ("GET", "HEAD"):
            last_indexes.clear()
            folded.append(item)
            continue
        key = (f"{item.request.method} {item.request.uri}", tuple(sorted(item.request.headers.items())))
        at = last_indexes.get(key)
        if at is not None and folded[at].response == item.response and folded[at].count + item.count <= MOST_REPEATS:
            folded[at] = replace(folded[at], count=folded[at].count + item.count)
            continue
        last_indexes[key] = len(folded)
        folded.append(item)
    return folded


def save_cassette(
    path: Path,
    interactions: Sequence[Interaction],
    provenance: Mapping[str, str] | None,
    known_secrets: Iterable[str] | SecretValues = (),
) -> None:
    """Write a cassette completely or not at all.

    Args:
        path: the file; missing directories are created.
        interactions: the scrubbed interactions.
        provenance: time, cloud and versions of the recording; None if another tool recorded it.
        known_secrets: values that must not occur in the cassette, in any encoding.

    Raises:
        CassetteError: the cassette would contain something that looks secret, would exceed the limits for reading, or
            cannot be written. An older cassette is unchanged.
    """
    secret_values = (
        known_secrets if isinstance(known_secrets, SecretValues) else SecretValues(dict.fromkeys(known_secrets, WORD))
    )
    for item in interactions:
        for part, secret in secrets_of_interaction(item, secret_values):
            method, url = item.request.method, urlsplit(item.request.uri)
            request = method if part == "URL" else f"{method} {url.path}"
            raise CassetteError(f"{path} is not written: the {part} of {request} would hold {secret.kind}")
    for name, value in (provenance or {}).items():
        for secret in find_secrets(value, secret_values):
            raise CassetteError(f"{path} is not written: its provenance, {name}, would hold {secret.kind}")
    content = write_document(interactions, provenance)
    if len(content) > LARGEST_FILE or len(interactions) > MOST_INTERACTIONS:
        raise CassetteError(
            f"{path} is not written: it would have {len(content) >> 20} MiB and {len(interactions)} interactions, more"
            f" than {LARGEST_FILE >> 20} MiB or {MOST_INTERACTIONS} interactions; record fewer requests in one cassette"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content, mode=0o644)  # a cassette is meant to be shared and committed
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be written: {error.strerror}; the old one is unchanged") from error


def load_cassette(path: Path) -> list[Interaction]:
    """Read a cassette in the format of the harness or of vcrpy.

    Raises:
        CassetteError: the file is missing, is no cassette, or exceeds the limits.
    """
    cassette = open_cassette(path)
    return [cassette.interaction(index) for index in range(len(cassette.outlines))]
