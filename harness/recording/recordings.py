"""The owner of each recording, so that none silently replaces that of another test or scenario."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import CassetteError
from harness.recording.cassette_reader import open_cassette

SOURCE = "source"  # the entry of a cassette's provenance that names the scenario file or the test
_MOST_OF_A_FILE = 16 << 20  # characters that are searched for a test


class Recordings:
    """The cassettes that this process has recorded or is recording.

    Args:
        directory: the cassettes of one service, a subdirectory of ``cassettes`` in the project's root.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = directory.parent.parent
        self._recorded: dict[Path, str] = {}  # cassette -> its scenario file
        self._names: dict[Path, dict[str, str]] = {}  # directory -> case-folded name -> name

    @contextmanager
    def recording(self, cassette: Path, source: Path | None, test: str = "") -> Iterator[dict[str, str]]:
        """Record a cassette in the block. If the block raises, nothing is recorded, and a retry is allowed.

        Args:
            cassette: the file.
            source: the scenario file of the recording; None if a test makes it without a scenario.
            test: the test that makes it, as ``FILE::NAME``; empty if that is unknown.

        Yields:
            The entry of the provenance that names the source.

        Raises:
            CassetteError: the recording would replace another one, or its name differs from another in case only.
        """
        scenario = self._relative(source)
        # Two tests may use the same trial of a scenario: their recordings are alike, and either is enough.
        if cassette in self._recorded and (not scenario or scenario != self._recorded[cassette]):
            raise CassetteError(
                f"{cassette} was recorded in this run already, and a second recording would replace it; give each a "
                "different name, for instance with request.node.name in it"
            )
        owner = scenario if source else test
        self._check_casing(cassette)
        self._check_source(cassette, owner)
        self._recorded[cassette] = scenario
        try:
            yield {SOURCE: owner} if owner else {}
        except BaseException:
            self._recorded.pop(cassette, None)
            raise

    def _check_casing(self, cassette: Path) -> None:
        parent = self._directory
        for name in cassette.relative_to(parent).parts:
            other = self._names_in(parent).setdefault(name.casefold(), name)
            if other != name:
                raise CassetteError(
                    f"{parent / name} and {parent / other} differ in upper and lower case only, and are one file where "
                    "that makes no difference (macOS, Windows); choose another name"
                )
            parent /= name

    def _names_in(self, directory: Path) -> dict[str, str]:
        if directory not in self._names:
            names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
            self._names[directory] = {name.casefold(): name for name in names}
        return self._names[directory]

    def _relative(self, source: Path | None) -> str:
        """The path of a file relative to the project's root, with ``/``; empty for files elsewhere."""
        if source is None or not source.resolve().is_relative_to(self._root.resolve()):
            return ""
        return source.resolve().relative_to(self._root.resolve()).as_posix()

    def _check_source(self, cassette: Path, source: str) -> None:
        earlier = _source_of(cassette) if source else ""
        if earlier not in ("", source) and self._exists(earlier):
            raise CassetteError(
                f"{cassette} is a recording of {earlier}, and one of {source} would replace it; give one of the two "
                f"another name, or delete the file if {earlier} no longer records it"
            )

    def _exists(self, source: str) -> bool:
        """Whether a scenario file or a test still exists; a test that was renamed or moved does not.

        Args:
            source: the entry of a cassette's provenance; untrusted.
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
    """The scenario file or test of a cassette; empty if it names none, or cannot be read."""
    try:
        return str((open_cassette(cassette).provenance or {}).get(SOURCE, ""))
    except CassetteError:
        return ""
