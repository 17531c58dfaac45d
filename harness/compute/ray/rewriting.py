"""Replaces paths on the emulator's machine in texts by the paths of the copies on a node machine. Pure."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

# A path may be followed by a name below it, or by the end of a word in a command line, a list of paths or JSON.
_END = r"(?=[/:;,'\"\s\\)]|$)"


class Rewriting:
    """Replaces directories.

    Args:
        copies: pairs of a directory and its copy, whose path needs no quoting. Of nested directories, the inner one is
            used.
        texts: further texts, with their replacements.
    """

    def __init__(self, copies: Iterable[tuple[Path, Path]], texts: Mapping[str, str] | None = None) -> None:
        self._copies = sorted(copies, key=lambda pair: -len(pair[0].parts))
        self._forms = {form: str(copy) for path, copy in self._copies for form in _forms(str(path))}
        self._forms |= {form: replacement for text, replacement in (texts or {}).items() for form in _forms(text)}
        forms = sorted(map(re.escape, self._forms), key=len, reverse=True)
        self._pattern = re.compile(f"({'|'.join(forms)}){_END}") if forms else None

    def path(self, path: Path) -> Path:
        """Return the path of the copy of a file; a path outside of the directories is returned unchanged."""
        for directory, copy in self._copies:
            if path.is_relative_to(directory):
                return copy / path.relative_to(directory)
        return path

    def text(self, text: str) -> str:
        """Replace the directories in a text, even if they are quoted for a shell, encoded in JSON, or both."""
        return self._pattern.sub(lambda match: self._forms[match[1]], text) if self._pattern else text

    def value(self, value: object) -> object:
        """Replace the directories in all texts of a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the directories that are not inside another one."""
    unique = tuple(dict.fromkeys(paths))
    return tuple(path for path in unique if not any(path.is_relative_to(other) for other in unique if other != path))


def relative_to(path: Path, directory: Path) -> str:
    """Return a path below a directory as a relative text; empty for the directory itself.

    Raises:
        ValueError: the path is not below the directory.
    """
    return "/".join(path.relative_to(directory).parts)


def _forms(path: str) -> set[str]:
    """Return the encodings of a path inside a longer text."""
    quoted = {path, shlex.quote(path)[1:-1] if shlex.quote(path) != path else path}
    written = quoted | {json.dumps(form)[1:-1] for form in quoted}
    return written | {json.dumps(form)[1:-1] for form in written}
