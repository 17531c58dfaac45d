"""What every toolkit is given and gives back, and how settings become shell text. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.errors import ToolkitError
from harness.toolkits.frameworks import FRAMEWORKS, Choice, Packages, choose


class Node(Protocol):
    """What a toolkit needs to know of a node."""

    @property
    def id(self) -> str:
        """Batch's name of the node."""

    @property
    def gpus(self) -> int:
        """GPUs that its size promises."""


class Interpreter(Protocol):
    """A Python, and what it needs in its environment."""

    @property
    def python(self) -> str:
        """Absolute path."""

    @property
    def description(self) -> str:
        """Toolkit and version, for people."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that it needs."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job as its toolkit sees it.

    Attributes:
        pythons: interpreters that may run its script, in order of preference.
        packages: what those have installed.
        shared: the directory that all nodes see.
        names_python: whether the interpreter that its settings name is there where it runs.
        hosts: where the processes of each node are reached by the others; empty where all nodes are one machine.
    """

    settings: Mapping[str, object]
    nodes: tuple[Node, ...]
    pythons: tuple[str, ...]
    packages: Packages
    mpirun: str | None
    cpus: int
    shared: str
    cntk: Callable[[], Interpreter]
    names_python: bool
    hosts: tuple[str, ...] = ()

    def host(self, node: Node) -> str:
        """Where the processes of a node are reached by those of the others."""
        return self.hosts[self.nodes.index(node)] if self.hosts else "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a job.

    Attributes:
        command: for the shell.
        label: goes into its streams' names (``-wk-0``).
        leads: the job ends when all of these have ended.
        note: what it trains with, for the execution log.
        python: the interpreter that runs its script; empty where it has none.
    """

    rank: int
    node: Node
    command: str
    environment: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    leads: bool = True
    note: str = ""
    python: str = ""


def text(settings: Mapping[str, object], name: str) -> str:
    """A setting as text, empty where it is absent."""
    value = settings.get(name)
    return "" if value is None else str(value)


def count(job: Assignment, name: str = "processCount") -> int:
    """How many processes; as many as nodes where the setting is absent (Batch AI's default)."""
    value = job.settings.get(name)
    return value if isinstance(value, int) and value > 0 else len(job.nodes)


def quoted(path: str) -> str:
    """A path for the shell: its variables are expanded, and what they hold stays one word."""
    return '"' + re.sub(r'([\\"`])', r"\\\1", path) + '"'


def script(job: Assignment, python: str, args: str = "commandLineArgs") -> str:
    """``python "script" args``. Raises ToolkitError where the settings name no script."""
    path = text(job.settings, "pythonScriptFilePath")
    if not path:
        raise ToolkitError("the toolkit's settings name no pythonScriptFilePath")
    return f"{quoted(python)} {quoted(path)} {text(job.settings, args)}".rstrip()


def choice(job: Assignment, toolkit: str) -> Choice:
    """The interpreter of a script, and what it trains with.

    The user's own, unless it lies in an image that the job does not run in; it is not asked what it has, since only the
    job itself runs what a user names.
    """
    own = text(job.settings, "pythonInterpreterPath") if job.names_python else ""
    return Choice(own, FRAMEWORKS[toolkit].title) if own else choose(toolkit, job.pythons, job.packages)


def under_mpi(job: Assignment, command: str, *, processes: int) -> str:
    """``command`` as that many MPI ranks of this machine.

    Raises:
        ToolkitError: Open MPI is not installed.
    """
    if job.mpirun is None:
        raise ToolkitError(
            f"this job runs {processes} MPI processes and there is no mpirun on PATH; "
            "install Open MPI (Debian, Ubuntu: apt-get install openmpi-bin)"
        )
    return f"{quoted(job.mpirun)} --allow-run-as-root --oversubscribe -np {processes} {command}"


def spread(job: Assignment, processes: int) -> list[Node]:
    """The node of each rank: evenly, in the order of nodes."""
    return [job.nodes[rank * len(job.nodes) // processes] for rank in range(processes)]
