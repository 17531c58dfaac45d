"""Which recording belongs to whom, so that none replaces that of another test or scenario unnoticed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import CassetteError
from harness.recording.cassette_reader import open_cassette

SOURCE = "source"  # the entry of a cassette's provenance that names the scenario file


class Recordings:
    """The cassettes that this process has recorded or is recording.

    Args:
        directory: the cassettes of one service; it lies in the directory of all cassettes, in the project's root.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = directory.parent.parent
        self._recorded: dict[Path, str] = {}  # with the source of each
        self._names: dict[Path, dict[str, str]] = {}  # of each directory: in one casing -> as spelled

    @contextmanager
    def recording(self, cassette: Path, source: Path | None) -> Iterator[dict[str, str]]:
        """Record a cassette in the block. If the block raises, nothing was recorded, and it may be tried again.

        Args:
            cassette: the file.
            source: the scenario file that it is recorded for; None for what a test records.

        Yields:
            What the provenance says of the source.

        Raises:
            CassetteError: the recording would replace another one, or its name differs from another in case only.
        """
        named = self._relative(source)
        # Two tests may use one trial of a scenario: their recordings are alike, and either is enough.
        if cassette in self._recorded and (not named or named != self._recorded[cassette]):
            raise CassetteError(
                f"{cassette} was recorded in this run already, and a second recording would replace it; give each a "
                "name of its own, for instance with request.node.name in it"
            )
        self._check_spelling(cassette)
        self._check_source(cassette, named)
        self._recorded[cassette] = named
        try:
            yield {SOURCE: named} if named else {}
        except BaseException:
            self._recorded.pop(cassette, None)
            raise

    def _check_spelling(self, cassette: Path) -> None:
        above = self._directory
        for name in cassette.relative_to(above).parts:
            other = self._known(above).setdefault(name.casefold(), name)
            if other != name:
                raise CassetteError(
                    f"{above / name} and {above / other} differ in upper and lower case only, and are one file where "
                    "that makes no difference (macOS, Windows); choose another name"
                )
            above /= name

    def _known(self, directory: Path) -> dict[str, str]:
        if directory not in self._names:
            found = sorted(each.name for each in directory.iterdir()) if directory.is_dir() else []
            self._names[directory] = {name.casefold(): name for name in found}
        return self._names[directory]

    def _relative(self, source: Path | None) -> str:
        """A file as seen from the project's root, with ``/``; nothing for files elsewhere."""
        if source is None or not source.resolve().is_relative_to(self._root.resolve()):
            return ""
        return source.resolve().relative_to(self._root.resolve()).as_posix()

    def _check_source(self, cassette: Path, source: str) -> None:
        earlier = _source_of(cassette) if source else ""
        if earlier not in ("", source) and (self._root / earlier).exists():
            raise CassetteError(
                f"{cassette} is a recording of {earlier}, and one of {source} would replace it; give one of the two "
                "scenarios another name"
            )


def _source_of(cassette: Path) -> str:
    """The scenario file that a cassette was recorded for; nothing if it does not say, or cannot be read."""
    try:
        return str((open_cassette(cassette).provenance or {}).get(SOURCE, ""))
    except CassetteError:
        return ""
