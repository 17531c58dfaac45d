"""Every back end by its name: our own, and those that other packages bring.

Another package names its back end as an entry point of the group ``batchai_harness.compute``: a function that takes a
``BackendContext`` and returns a ``Backend``. ``harness docs backends`` shows how.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from harness.clock import Clock
from harness.compute.backend import Backend
from harness.compute.container.backend import ContainerBackend, ContainerOptions
from harness.compute.machine import Machine
from harness.compute.process import ProcessBackend
from harness.compute.ray.backend import RayBackend, RayOptions
from harness.errors import ToolkitError

GROUP = "batchai_harness.compute"


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


def process(context: BackendContext) -> Backend:
    """Jobs as processes of this machine."""
    return ProcessBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        host_images=context.images.on_host is not False,
    )


def container(context: BackendContext) -> Backend:
    """Jobs with an image in containers of this machine's engine."""
    return ContainerBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        environ=context.environ,
        emulator=context.emulator,
        jobs=context.jobs,
        options=ContainerOptions(
            host_images=context.images.on_host is True, image_map=dict(context.images.mapped), user=context.images.user
        ),
    )


def ray(context: BackendContext) -> Backend:
    """Jobs on the machines of a Ray cluster."""
    return RayBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        environ=context.environ,
        options=RayOptions(
            context.address,
            context.emulator,
            directory=context.jobs.parent / "ray",
            host_images=context.images.on_host is not False,
        ),
    )


OWN: Mapping[str, BackendFactory] = {"process": process, "container": container, "ray": ray}


def backend_names() -> tuple[str, ...]:
    """The names of all back ends."""
    return (*OWN, *sorted(set(_foreign()) - set(OWN)))


def parse_compute(text: str) -> tuple[str, str]:
    """The name and the address in ``NAME`` or ``NAME:ADDRESS``.

    Raises:
        ToolkitError: there is no back end of that name.
    """
    name, _, address = text.partition(":")
    if name not in backend_names():
        raise ToolkitError(f"there is no compute back end {name!r}; there are {', '.join(backend_names())}")
    return name, address


def find_factory(name: str) -> BackendFactory:
    """What makes the back end of a name that ``backend_names`` holds.

    Raises:
        ToolkitError: it is another package's, which cannot be imported.
    """
    if name in OWN:
        return OWN[name]
    entry = _foreign()[name]
    try:
        factory: BackendFactory = entry.load()
    except (ImportError, AttributeError) as error:
        raise ToolkitError(f"the compute back end {name!r} ({entry.value}) cannot be imported: {error}") from error
    return factory


def _foreign() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
