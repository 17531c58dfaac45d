"""The input and output of every toolkit, and the translation of settings into shell text. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.errors import ToolkitError
from harness.toolkits.frameworks import FRAMEWORKS, Choice, Packages, choose


class Node(Protocol):
    """The properties of a node that a toolkit uses."""

    @property
    def id(self) -> str:
        """The id of the node in Azure Batch."""

    @property
    def gpus(self) -> int:
        """The number of GPUs of the VM size."""


class Interpreter(Protocol):
    """A Python interpreter, and the variables that it needs."""

    @property
    def python(self) -> str:
        """The absolute path of the interpreter."""

    @property
    def description(self) -> str:
        """Toolkit and version, for messages."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that the interpreter needs."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The properties of a job that its toolkit uses.

    Attributes:
        pythons: interpreters that may run its script, in order of preference.
        packages: returns the packages of an interpreter.
        shared: the directory that all nodes share.
        names_python: whether the interpreter that the settings name exists where the job runs.
        hosts: the host name of each node for the others; empty if all nodes are one machine.
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
        """The host name of a node for processes of other nodes."""
        return self.hosts[self.nodes.index(node)] if self.hosts else "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a job.

    Attributes:
        command: the command line for the shell.
        label: the part of its streams' names that identifies it (``-wk-0``).
        leads: whether the job waits for it; the job ends when all such processes have ended.
        note: the toolkit, for the execution log.
        python: the interpreter that runs its script; empty if it has no script.
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
    """A setting as text; empty if it is absent."""
    value = settings.get(name)
    return "" if value is None else str(value)


def count(job: Assignment, name: str = "processCount") -> int:
    """The number of processes; if the setting is absent, the number of nodes (Batch AI's default)."""
    value = job.settings.get(name)
    return value if isinstance(value, int) and value > 0 else len(job.nodes)


def quoted(path: str) -> str:
    """A path for the shell, which expands its variables but does not split the result into words."""
    return '"' + re.sub(r'([\\"`])', r"\\\1", path) + '"'


def script(job: Assignment, python: str, args: str = "commandLineArgs") -> str:
    """``python "script" args``. Raises ToolkitError if the settings name no script."""
    path = text(job.settings, "pythonScriptFilePath")
    if not path:
        raise ToolkitError("the toolkit's settings name no pythonScriptFilePath")
    return f"{quoted(python)} {quoted(path)} {text(job.settings, args)}".rstrip()


def choice(job: Assignment, toolkit: str) -> Choice:
    """The interpreter of a script, and its framework.

    The user's own interpreter is chosen unless it is in an image in which the job does not run. Its packages are not
    listed, since only the job itself may run a program that the user names.
    """
    path = text(job.settings, "pythonInterpreterPath") if job.names_python else ""
    return Choice(path, FRAMEWORKS[toolkit].title) if path else choose(toolkit, job.pythons, job.packages)


def under_mpi(job: Assignment, command: str, *, processes: int) -> str:
    """``command`` as ``processes`` MPI ranks of this machine.

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
