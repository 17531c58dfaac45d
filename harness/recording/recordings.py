"""Which recording belongs to whom, so that none replaces that of another test or scenario unnoticed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import CassetteError
from harness.recording.cassette_reader import open_cassette

SOURCE = "source"  # the entry of a cassette's provenance that names the scenario file or the test
_MOST_OF_A_FILE = 16 << 20  # characters that are looked through for a test


class Recordings:
    """The cassettes that this process has recorded or is recording.

    Args:
        directory: the cassettes of one service; it lies in the directory of all cassettes, in the project's root.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = directory.parent.parent
        self._recorded: dict[Path, str] = {}  # with the scenario file of each
        self._names: dict[Path, dict[str, str]] = {}  # of each directory: in one casing -> as spelled

    @contextmanager
    def recording(self, cassette: Path, source: Path | None, test: str = "") -> Iterator[dict[str, str]]:
        """Record a cassette in the block. If the block raises, nothing was recorded, and it may be tried again.

        Args:
            cassette: the file.
            source: the scenario file that it is recorded for; None for what a test records.
            test: the test that records it, as ``FILE::NAME``; empty where nobody knows.

        Yields:
            What the provenance says of the source.

        Raises:
            CassetteError: the recording would replace another one, or its name differs from another in case only.
        """
        scenario = self._relative(source)
        # Two tests may use one trial of a scenario: their recordings are alike, and either is enough.
        if cassette in self._recorded and (not scenario or scenario != self._recorded[cassette]):
            raise CassetteError(
                f"{cassette} was recorded in this run already, and a second recording would replace it; give each a "
                "name of its own, for instance with request.node.name in it"
            )
        named = scenario if source else test
        self._check_spelling(cassette)
        self._check_source(cassette, named)
        self._recorded[cassette] = scenario
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
        if earlier not in ("", source) and self._exists(earlier):
            raise CassetteError(
                f"{cassette} is a recording of {earlier}, and one of {source} would replace it; give one of the two "
                f"another name, or delete the file if {earlier} records it no longer"
            )

    def _exists(self, source: str) -> bool:
        """Whether a scenario file or a test is still there; a test that was renamed or moved is not.

        Args:
            source: as a cassette says it, which may be a stranger's.
        """
        file, _, test = source.partition("::")
        names = [name for name in test.partition("[")[0].split("::") if name]
        with suppress(OSError, ValueError):  # ValueError: no path at all
            path = (self._root / file).resolve()
            if path.is_relative_to(self._root.resolve()) and path.is_file():
                with path.open(encoding="utf-8", errors="replace") as stream:
                    text = stream.read(_MOST_OF_A_FILE)
                return all(re.search(rf"\b(?:def|class)\s+{re.escape(name)}\b", text) for name in names)
        return False


def _source_of(cassette: Path) -> str:
    """The scenario file or test that a cassette was recorded for; nothing if it does not say, or cannot be read."""
    try:
        return str((open_cassette(cassette).provenance or {}).get(SOURCE, ""))
    except CassetteError:
        return ""
