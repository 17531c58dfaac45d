"""Cassettes of other tools, and our own in YAML, written in our format."""

from dataclasses import dataclass
from pathlib import Path

from harness.errors import CassetteError
from harness.recording.cassette import fold, save_cassette
from harness.recording.cassette_reader import open_cassette
from harness.recording.placeholders import WORD
from harness.recording.processors import scrub_all
from harness.recording.scrub import Scrubber

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A cassette that was converted.

    Attributes:
        source: the old file, which is unchanged.
        target: the new file.
        interactions: how many there are in the new file.
        requests: how many requests they stand for.
    """

    source: Path
    target: Path
    interactions: int
    requests: int


def convert_cassette(
    source: Path, target: Path, *, secrets: tuple[str, ...] = (), overwrite: bool = False
) -> Conversion:
    """Write a cassette in our format, with placeholders for what looks secret and identical polls counted.

    The provenance stays as it is. The cassette of another tool has none, and still replays like one: requests may have
    other JSON than the recorded one.

    Args:
        source: the cassette.
        target: the new file.
        secrets: values that must not occur in it.
        overwrite: replace a file that exists.

    Raises:
        CassetteError: the cassette cannot be read or needs no conversion, or the target exists or would hold a secret.
    """
    if target.exists() and not overwrite:
        raise CassetteError(f"{source} is not converted: {target} exists; replace it with --force")
    cassette = open_cassette(source)
    if cassette.is_current:
        raise CassetteError(f"{source} is not converted: it is in the format of this version")
    interactions = [cassette.interaction(index) for index in range(len(cassette.outlines))]
    clean, scrubber = scrub_all(interactions, Scrubber(dict.fromkeys(secrets, WORD)))
    folded = fold(clean)
    kept = None if cassette.provenance is None else {name: str(value) for name, value in cassette.provenance.items()}
    save_cassette(target, folded, kept, scrubber.known)
    return Conversion(source, target, len(folded), sum(item.count for item in folded))
