"""Replaces paths of the emulator's machine in texts by the paths of the copies on a node machine. Pure."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

# What may follow a path: a name below it, or the end of a word in a command line, a list of paths or JSON.
_END = r"(?=[/:;,'\"\s\\)]|$)"


class Rewriting:
    """Replaces directories.

    Args:
        copies: pairs of a directory and its copy, whose path needs no quoting. Of nested directories the inner one
            counts.
        words: further texts, with their replacements.
    """

    def __init__(self, copies: Iterable[tuple[Path, Path]], words: Mapping[str, str] | None = None) -> None:
        self._copies = sorted(copies, key=lambda pair: -len(pair[0].parts))
        self._forms = {form: str(to) for path, to in self._copies for form in _forms(str(path))}
        self._forms |= {form: to for text, to in (words or {}).items() for form in _forms(text)}
        forms = sorted(map(re.escape, self._forms), key=len, reverse=True)
        self._pattern = re.compile(f"({'|'.join(forms)}){_END}") if forms else None

    def path(self, path: Path) -> Path:
        """The path of the copy of a file. A path outside of the directories is returned unchanged."""
        for directory, to in self._copies:
            if path.is_relative_to(directory):
                return to / path.relative_to(directory)
        return path

    def text(self, text: str) -> str:
        """A text with the directories replaced, also if they are quoted for a shell, in JSON, or both."""
        return self._pattern.sub(lambda found: self._forms[found[1]], text) if self._pattern else text

    def value(self, value: object) -> object:
        """A JSON value in which all texts are rewritten, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The directories that are not inside another of them."""
    wanted = tuple(dict.fromkeys(paths))
    return tuple(path for path in wanted if not any(path.is_relative_to(other) for other in wanted if other != path))


def relative_to(path: Path, directory: Path) -> str:
    """A path below a directory, as text; empty for the directory itself.

    Raises:
        ValueError: it is not below.
    """
    return "/".join(path.relative_to(directory).parts)


def _forms(path: str) -> set[str]:
    """The spellings of a path inside a longer text."""
    quoted = {path, shlex.quote(path)[1:-1] if shlex.quote(path) != path else path}
    written = quoted | {json.dumps(each)[1:-1] for each in quoted}
    return written | {json.dumps(each)[1:-1] for each in written}
