"""Paths of the emulator's machine in texts, replaced by those where a node's machine has the same files. Pure."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

# What may follow a whole path: a name below it, or what ends a word of a command line, of a list of paths, of JSON.
_END = r"(?=[/:;,'\"\s\\)]|$)"


class Rewriting:
    """Replaces directories.

    Args:
        places: pairs of a directory and the one that stands for it, whose path has plain characters alone. Of
            directories in each other the inner one counts.
        words: texts that are replaced, too, and by what.
    """

    def __init__(self, places: Iterable[tuple[Path, Path]], words: Mapping[str, str] | None = None) -> None:
        self._places = sorted(places, key=lambda place: -len(place[0].parts))
        self._forms = {form: str(to) for path, to in self._places for form in _forms(str(path))}
        self._forms |= {form: to for text, to in (words or {}).items() for form in _forms(text)}
        forms = sorted(map(re.escape, self._forms), key=len, reverse=True)
        self._pattern = re.compile(f"({'|'.join(forms)}){_END}") if forms else None

    def path(self, path: Path) -> Path:
        """Where a path of the emulator's machine is. One outside of the directories stays as it is."""
        for directory, to in self._places:
            if path.is_relative_to(directory):
                return to / path.relative_to(directory)
        return path

    def text(self, text: str) -> str:
        """A text with the directories replaced, also where they are quoted for a shell, or are in JSON, or both."""
        return self._pattern.sub(lambda found: self._forms[found[1]], text) if self._pattern else text

    def value(self, value: object) -> object:
        """JSON with all its texts, keys among them, rewritten."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Directories without those that are in others of them."""
    wanted = tuple(dict.fromkeys(paths))
    return tuple(path for path in wanted if not any(path.is_relative_to(other) for other in wanted if other != path))


def relative_to(path: Path, directory: Path) -> str:
    """A path below a directory, as text; empty for the directory itself.

    Raises:
        ValueError: it is not below.
    """
    return "/".join(path.relative_to(directory).parts)


def _forms(path: str) -> set[str]:
    """How a path may be written inside of a longer text."""
    quoted = {path, shlex.quote(path)[1:-1] if shlex.quote(path) != path else path}
    written = quoted | {json.dumps(each)[1:-1] for each in quoted}
    return written | {json.dumps(each)[1:-1] for each in written}
