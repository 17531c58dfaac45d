"""Tags and comments of an exported job, from which an import restores the job of the scenario.

Azure ML has no toolkits, mounts or preparation. Therefore the command line of an exported job sets up what its script
expects, in sections that begin with comments, and its tags hold the rest.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from harness.interchange.source import Source
from harness.scenario.job import JobSpec
from harness.scenario.shell_quoting import quote_except
from harness.scenario.volumes import VolumeKind

TOOLKIT = "batchai-harness-toolkit"
VOLUMES = "batchai-harness-volumes"
OUTPUT_DIRECTORY = "${{name}}/outputs"
"""The path that an export inserts between prefix and suffix of an output; the service fills in the job's name."""

_VOLUME_INPUT = "harness_volume"
_MARK = "# batchai-harness: "
_SECTION = re.compile(rf"^{_MARK}(\w+)$", re.MULTILINE)
_EXPORT = re.compile(r'export (\w+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{AZ_BATCHAI_\w+\}|AZ_BATCHAI_\w+)|\$\{\{.*?\}\}", re.ASCII)
_COMMAND_TOOLKITS = ("customToolkit", "customMpi")
_PARTS = re.compile(r"(\S+) (\S+)(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a job; all are empty if the job is not an export.

    Attributes:
        toolkit: the toolkit of the scenario's job.
        volumes: kind, name and mount of each volume, by datastore.
    """

    toolkit: str = ""
    volumes: Mapping[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)

    def is_generated(self, name: str) -> bool:
        """Whether the export has added an input or output."""
        return bool(self.toolkit) and name.startswith(_VOLUME_INPUT)

    def split_output(self, uri: str) -> tuple[str, str]:
        """Split the URI of an output into its prefix and suffix."""
        prefix, separator, suffix = uri.partition(f"/{OUTPUT_DIRECTORY}")
        return (prefix, suffix.strip("/")) if separator else (uri, "")

    def program(self, command: str) -> dict[str, Any] | None:
        """Return the fields with the program of the scenario's job; None if no export wrote the command line."""
        if not self.toolkit:
            return None
        sections = _sections(command)
        if "job" not in sections:
            return None
        job: dict[str, Any] = {"toolkit": self.toolkit}
        if preparation := sections.get("preparation"):
            job["preparation"] = preparation.removeprefix("(\n").removesuffix("\n) || exit 1")
        if self.toolkit in _COMMAND_TOOLKITS:
            return job | {"command": sections["job"]}
        parts = _PARTS.fullmatch(sections["job"])
        if parts is None:
            return None
        interpreter = {} if parts[1] == "python" else {"interpreter": parts[1]}
        return job | interpreter | {"script": parts[2], "args": parts[3] or ""}

    def variables(self, command: str) -> dict[str, str]:
        """Return the variables that the command line sets because their values contain other variables."""
        section = _sections(command).get("environment", "") if self.toolkit else ""
        return {match[1]: re.sub(r"\\(.)", r"\1", match[2], flags=re.DOTALL) for match in _EXPORT.finditer(section)}


def read_tags(source: Source) -> Tags:
    """Read the tags of a job."""
    toolkit, volumes = source.text("tags", TOOLKIT) or "", {}
    for word in (source.text("tags", VOLUMES) or "").split():
        datastore, _, rest = word.partition("=")
        kind, _, more = rest.partition(":")
        name, _, mount = more.partition(":")
        if kind in ("share", "container"):
            volumes[datastore] = (kind, name, unquote(mount))
    return Tags(toolkit, volumes)  # type: ignore[arg-type]  # kind is one of two words


def volume_input(index: int) -> str:
    """Return the name of the input for a complete share or container."""
    return f"{_VOLUME_INPUT}_{index}"


def command_line(job: JobSpec, *, mounts: Mapping[str, str], variables: Mapping[str, str], setup: str | None) -> str:
    """Return the command line of an exported job.

    Args:
        job: the job with its parameters filled in.
        mounts: the inputs that are complete volumes, by mount point.
        variables: variables that the command line sets, besides those of the service.
        setup: the set-up command of the scenario's cluster.
    """
    return "\n".join(_lines(job, mounts, variables, setup))


def holds_variables(text: str) -> bool:
    """Whether a text contains variables or expressions that are replaced on the node."""
    return _VARIABLE.search(text) is not None


def _lines(job: JobSpec, mounts: Mapping[str, str], variables: Mapping[str, str], setup: str | None) -> Iterator[str]:
    if mounts:
        yield 'export AZ_BATCHAI_MOUNT_ROOT="$(mktemp -d)"'
    for mount, name in mounts.items():
        link = f'"$AZ_BATCHAI_MOUNT_ROOT"/{shlex.quote(mount)}'
        yield f'mkdir -p "$(dirname {link})" && ln -s "${{{{inputs.{name}}}}}" {link}'
    for name, path in job.inputs.items():
        yield (
            f'export AZ_BATCHAI_INPUT_{name}="${{{{inputs.{name}}}}}"'
            if path.startswith("${{")
            else _export_line(f"AZ_BATCHAI_INPUT_{name}", path)
        )
    for name in job.outputs:
        yield f'export AZ_BATCHAI_OUTPUT_{name}="${{{{outputs.{name}}}}}"'
    if variables:
        yield f"{_MARK}environment"
        yield from (_export_line(name, value) for name, value in variables.items())
    if setup:
        yield from (f"{_MARK}setup", "(", setup, ") || exit 1")
    if job.preparation:
        yield from (f"{_MARK}preparation", "(", job.preparation, ") || exit 1")
    if job.toolkit == "customToolkit" and job.nodes > 1:
        yield from (f"{_MARK}first", '[ "${AZ_BATCHAI_TASK_INDEX:-0}" = 0 ] || exit 0')
    yield f"{_MARK}job"
    if job.toolkit in _COMMAND_TOOLKITS:
        yield job.command or ""
    else:
        yield " ".join(filter(None, (job.interpreter or "python", job.script, job.args)))


def _export_line(name: str, value: str) -> str:
    """Return a line that sets a variable; the shell expands only Batch AI's variables in its value."""
    return f"export {name}={quote_except(value, _VARIABLE)}"


def _sections(command: str) -> dict[str, str]:
    """Return the sections of a command line, by the words in their comments; the last section has no end mark."""
    parts = _SECTION.split(command)
    sections: dict[str, str] = {}
    for index in range(1, len(parts), 2):
        if parts[index] == "job":
            text = command.partition(f"{_MARK}job\n")[2]
            return {**sections, "job": text.removesuffix("\n")}
        sections[parts[index]] = parts[index + 1].strip("\n")
    return sections
