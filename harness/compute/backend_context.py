"""The arguments of a back end's factory, in this package and in packages that provide a back end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.clock import Clock
from harness.compute.backend import Backend
from harness.compute.machine import Machine


@dataclass(frozen=True, slots=True)
class Images:
    """How jobs that request a container image run.

    Attributes:
        on_host: whether they may run on this machine without the image. The default, None, allows it on the back end
            ``process``, which cannot run images, and forbids it on ``container``.
        mapped: pairs of an image that no longer exists and its replacement. The first may contain ``*``; the first
            matching pair is used.
        user: the user of containers in Docker's notation; empty means the default.
    """

    on_host: bool | None = None
    mapped: tuple[tuple[str, str], ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class BackendContext:
    """The arguments of a back end's factory.

    Attributes:
        on_change: the back end calls it, from any thread, soon after the progress of any job has changed.
        machine: the programs and devices of this machine that jobs may use.
        clock: provides the times in the progress and the logs of jobs.
        environ: the environment of the emulator.
        jobs: the directory that contains the directories of jobs.
        emulator: the id of the emulator, which labels its resources at an engine that it shares with others.
        images: how jobs that request a container image run, and whether they may run without it.
        address: the text after the colon in ``--compute NAME:ADDRESS``; empty if there is none.
    """

    on_change: Callable[[], None]
    machine: Machine
    clock: Clock
    environ: Mapping[str, str]
    jobs: Path
    emulator: str
    images: Images
    address: str = ""


BackendFactory = Callable[[BackendContext], Backend]
