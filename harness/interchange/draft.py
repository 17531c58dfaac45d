"""A scenario as plain data, before it is written to a file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.interchange.source import Note
from harness.printable import printable
from harness.scenario.values import read_plain
from harness.vm_sizes import vm_size

SMALLEST_SIZE = "STANDARD_NC6"
"""The VM size of a cluster whose size is not known."""

_WIDTH = 110
_NOT_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_IS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_NOT_SHARE_NAME = re.compile(r"[^a-z0-9]+")
_ORDER = (
    "scenario", "description", "location", "resource_group", "share", "shares", "containers", "cluster", "job",
    "parameters", "sweep", "metrics", "expect", "limits",
)  # fmt: skip


@dataclass
class Draft:
    """The sections of a scenario, by name, as plain data."""

    sections: dict[str, Any] = field(default_factory=dict)

    def text(self, head: Iterable[str]) -> str:
        """Return the text of the scenario file.

        Args:
            head: lines for the comments at its beginning.
        """
        ordered = {name: self.sections[name] for name in _ORDER if self.sections.get(name) not in (None, {}, [], "")}
        comments = "".join(f"# {printable(line)}\n" for line in head)
        return comments + yaml_text(ordered)


def yaml_text(document: Mapping[str, Any]) -> str:
    """Return a document as YAML, in the order of its keys."""
    return yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )


class _Dumper(yaml.SafeDumper):
    """Writes YAML that the scenario loader reads back unchanged; PyYAML follows YAML 1.1, the loader YAML 1.2."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write equal values repeatedly, without aliases."""
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        is_text = read_plain(text) == text
    except ValueError:
        is_text = False
    style = "|" if "\n" in text else None if is_text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)


def literal(text: str) -> str:
    """Escape the braces of a text, which a scenario would take for parameters."""
    return text.replace("{", "{{").replace("}", "}}")


def name_of(text: str, *, otherwise: str) -> str:
    """Convert a text to a name of a scenario, cluster or job; a valid name does not change."""
    if _IS_NAME.fullmatch(text):
        return text
    return _NOT_NAME.sub("-", text).strip("-")[:64] or otherwise


def share_name(text: str) -> str:
    """Convert a text to a name of a share or container: three or more lower-case letters, digits and single hyphens."""
    name = _NOT_SHARE_NAME.sub("-", text.lower()).strip("-")[:63].strip("-")
    return name if len(name) >= 3 else f"{name}-share".strip("-")


def scenario_name(path: Path, title: str | None = None) -> str:
    """Return the name of an imported scenario: the title of the job, or the name of its file or folder."""
    stem = path.absolute().parent.name if path.stem.lower() in ("job", "command", "sweep") else path.stem
    return name_of(title or stem, otherwise="imported")


def is_known_size(size: str) -> bool:
    """Whether the emulator has nodes of a VM size."""
    return vm_size(size) is not None


def header_comments(paths: Sequence[Path], notes: Sequence[Note]) -> list[str]:
    """Return the comments at the beginning of a scenario: the files that it was imported from, and the notes."""
    origin = f"Imported from {', '.join(path.name for path in paths)} by harness import."
    lines = [f"{note.path.name}:{note.line}: {note.field}: {note.text}" for note in sorted(notes)]
    return [origin, *(["Not imported, or changed:"] if lines else []), *lines]
