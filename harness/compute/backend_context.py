"""What a back end is made with, by whoever makes it: this package, or another one that brings a back end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.clock import Clock
from harness.compute.backend import Backend
from harness.compute.machine import Machine


@dataclass(frozen=True, slots=True)
class Images:
    """What becomes of jobs that ask for a container image.

    Attributes:
        on_host: whether they may run without it, on this machine. By default, None, they may on the back end
            ``process``, which has no other way, and may not on ``container``.
        mapped: what is run in place of images that no longer exist; the names may hold ``*``, and the first that fits
            wins.
        user: whom containers run as, as Docker writes it; empty for the default.
    """

    on_host: bool | None = None
    mapped: tuple[tuple[str, str], ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class BackendContext:
    """What a back end is made with.

    Attributes:
        on_change: to be called, from any thread, soon after any job has moved.
        machine: what this machine offers to jobs.
        clock: dates what happens to jobs.
        environ: the environment of the emulator.
        jobs: the directory that holds the directories of jobs.
        emulator: the id of the emulator, which marks what it made at an engine that others use too.
        images: how jobs that ask for a container image run, and whether they may run without it.
        address: what follows the colon in ``--compute NAME:ADDRESS``; empty where nothing does.
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
