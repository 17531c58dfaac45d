"""Conversion of vcrpy's cassettes, and of the harness's older YAML cassettes, to the current format."""

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
    """A converted cassette.

    Attributes:
        source: the old file, which is unchanged.
        target: the new file.
        interactions: the number of interactions in the new file.
        requests: the number of requests that they represent.
    """

    source: Path
    target: Path
    interactions: int
    requests: int


def convert_cassette(
    source: Path, target: Path, *, secrets: tuple[str, ...] = (), overwrite: bool = False
) -> Conversion:
    """Write a cassette in the current format, with placeholders for secrets, and merge identical polls.

    The provenance is unchanged. A cassette of another tool has none, so a replay still accepts requests whose JSON
    differs from the recorded JSON.

    Args:
        source: the old cassette.
        target: the new file.
        secrets: values that must not occur in the new file.
        overwrite: replace an existing target.

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
    provenance = (
        None if cassette.provenance is None else {name: str(value) for name, value in cassette.provenance.items()}
    )
    save_cassette(target, folded, provenance, scrubber.secret_values)
    return Conversion(source, target, len(folded), sum(item.count for item in folded))
