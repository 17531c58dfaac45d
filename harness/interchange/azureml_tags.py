"""What an exported job says of itself in tags and comments, so that an import finds the scenario's job in it again.

Azure ML has no toolkits, mounts or preparation: the command line of an exported job sets up what its script expects, in
sections that begin with comments, and its tags hold the rest.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from harness.interchange.source import Source
from harness.scenario.job import JobSpec
from harness.scenario.shell_quoting import expanding_word
from harness.scenario.volumes import VolumeKind

TOOLKIT = "batchai-harness-toolkit"
VOLUMES = "batchai-harness-volumes"
OUTPUT_DIRECTORY = "${{name}}/outputs"
"""What an export puts between the prefix and the suffix of an output: the service fills in the job's name."""

_VOLUME_INPUT = "harness_volume"
_MARK = "# batchai-harness: "
_SECTION = re.compile(rf"^{_MARK}(\w+)$", re.MULTILINE)
_EXPORT = re.compile(r'export (\w+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{AZ_BATCHAI_\w+\}|AZ_BATCHAI_\w+)|\$\{\{.*?\}\}", re.ASCII)
_COMMANDED = ("customToolkit", "customMpi")
_PARTS = re.compile(r"(\S+) (\S+)(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a job; all of it is empty where no export made the job.

    Attributes:
        volumes: kind, name and mount by datastore.
    """

    toolkit: str = ""
    volumes: Mapping[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)

    def is_ours(self, name: str) -> bool:
        """Whether an input or output is the export's own."""
        return bool(self.toolkit) and name.startswith(_VOLUME_INPUT)

    def split_output(self, uri: str) -> tuple[str, str]:
        """The prefix of an output and its suffix."""
        before, found, after = uri.partition(f"/{OUTPUT_DIRECTORY}")
        return (before, after.strip("/")) if found else (uri, "")

    def runs(self, command: str) -> dict[str, Any] | None:
        """What the job of the scenario runs; None where no export wrote the command line."""
        if not self.toolkit:
            return None
        sections = _sections(command)
        if "job" not in sections:
            return None
        job: dict[str, Any] = {"toolkit": self.toolkit}
        if preparation := sections.get("preparation"):
            job["preparation"] = preparation.removeprefix("(\n").removesuffix("\n) || exit 1")
        if self.toolkit in _COMMANDED:
            return job | {"command": sections["job"]}
        parts = _PARTS.fullmatch(sections["job"])
        if parts is None:
            return None
        interpreter = {} if parts[1] == "python" else {"interpreter": parts[1]}
        return job | interpreter | {"script": parts[2], "args": parts[3] or ""}

    def variables(self, command: str) -> dict[str, str]:
        """The variables that the command line sets because their values hold others."""
        section = _sections(command).get("environment", "") if self.toolkit else ""
        return {found[1]: re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL) for found in _EXPORT.finditer(section)}


def read_tags(source: Source) -> Tags:
    """Take the tags of a job."""
    toolkit, volumes = source.text("tags", TOOLKIT) or "", {}
    for word in (source.text("tags", VOLUMES) or "").split():
        datastore, _, rest = word.partition("=")
        kind, _, more = rest.partition(":")
        name, _, mount = more.partition(":")
        if kind in ("share", "container"):
            volumes[datastore] = (kind, name, unquote(mount))
    return Tags(toolkit, volumes)  # type: ignore[arg-type]  # kind is one of two words


def volume_input(index: int) -> str:
    """The input that is a whole share or container."""
    return f"{_VOLUME_INPUT}_{index}"


def command_line(job: JobSpec, *, mounts: Mapping[str, str], variables: Mapping[str, str], setup: str | None) -> str:
    """The command line of an exported job.

    Args:
        job: with parameters filled in.
        mounts: the inputs that are whole volumes, by where the job sees them.
        variables: what the command line sets, beside what the service sets.
        setup: what nodes of the scenario's cluster run before they take jobs.
    """
    return "\n".join(_lines(job, mounts, variables, setup))


def holds_variables(text: str) -> bool:
    """Whether a text holds variables or expressions that are filled in on the node."""
    return _VARIABLE.search(text) is not None


def _lines(job: JobSpec, mounts: Mapping[str, str], variables: Mapping[str, str], setup: str | None) -> Iterator[str]:
    if mounts:
        yield 'export AZ_BATCHAI_MOUNT_ROOT="$(mktemp -d)"'
    for mount, name in mounts.items():
        place = f'"$AZ_BATCHAI_MOUNT_ROOT"/{shlex.quote(mount)}'
        yield f'mkdir -p "$(dirname {place})" && ln -s "${{{{inputs.{name}}}}}" {place}'
    for name, path in job.inputs.items():
        yield (
            f'export AZ_BATCHAI_INPUT_{name}="${{{{inputs.{name}}}}}"'
            if path.startswith("${{")
            else _exported(f"AZ_BATCHAI_INPUT_{name}", path)
        )
    for name in job.outputs:
        yield f'export AZ_BATCHAI_OUTPUT_{name}="${{{{outputs.{name}}}}}"'
    if variables:
        yield f"{_MARK}environment"
        yield from (_exported(name, value) for name, value in variables.items())
    if setup:
        yield from (f"{_MARK}setup", "(", setup, ") || exit 1")
    if job.preparation:
        yield from (f"{_MARK}preparation", "(", job.preparation, ") || exit 1")
    if job.toolkit == "customToolkit" and job.nodes > 1:
        yield from (f"{_MARK}first", '[ "${AZ_BATCHAI_TASK_INDEX:-0}" = 0 ] || exit 0')
    yield f"{_MARK}job"
    if job.toolkit in _COMMANDED:
        yield job.command or ""
    else:
        yield " ".join(filter(None, (job.interpreter or "python", job.script, job.args)))


def _exported(name: str, value: str) -> str:
    """A line that sets a variable, in whose value the shell fills in the variables of Batch AI and nothing else."""
    return f"export {name}={expanding_word(value, _VARIABLE)}"


def _sections(command: str) -> dict[str, str]:
    """The sections of a command line, by the words of their comments; the last one goes to the end."""
    parts = _SECTION.split(command)
    found: dict[str, str] = {}
    for index in range(1, len(parts), 2):
        if parts[index] == "job":
            text = command.partition(f"{_MARK}job\n")[2]
            return {**found, "job": text.removesuffix("\n")}
        found[parts[index]] = parts[index + 1].strip("\n")
    return found
