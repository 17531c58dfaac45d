"""The orders of ``python -m harness.compute.container``: JSON on its standard input, because they hold secrets.

Containers and the images that are made of them carry the labels of ``Owner``. Nothing without both is ever touched.
"""

from pathlib import Path

import msgspec

EMULATOR_LABEL = "batchai-harness.emulator"
JOB_LABEL = "batchai-harness.job"


class Owner(msgspec.Struct, frozen=True):
    """Whose a container is: the emulator, by the id that its data directory has, and the directory of the job."""

    emulator: str
    job: str

    def labels(self) -> dict[str, str]:
        """The labels that say so."""
        return {EMULATOR_LABEL: self.emulator, JOB_LABEL: self.job}


class Engine(msgspec.Struct, frozen=True):
    """The container engine by its address, and the time in which it has to answer, in seconds."""

    address: str
    seconds: float = 60.0


class Image(msgspec.Struct, frozen=True):
    """The image of a job: its name, the registry's user and password (empty for none), and the name in the job."""

    name: str
    user_name: str = ""
    password: str = ""
    asked_for: str = ""

    def __repr__(self) -> str:
        return f"Image({self.name!r})"


class Build(msgspec.Struct, frozen=True):
    """How the image of an environment is made.

    Args:
        conda: a conda file, whose packages are added to the image of the order; empty for a build context.
        context: the directory of a build context, with its ``dockerfile``.
        log: the file that gets what the build prints.
        locks: a directory for locks, so that two jobs build no image at the same time.
    """

    conda: str
    context: str
    dockerfile: str
    log: str
    locks: str


class GetImage(msgspec.Struct, frozen=True, tag="get"):
    """Have the image ready. Its facts (``ImageFacts``), which every run needs, are written to the file ``facts``."""

    engine: Engine
    owner: Owner
    image: Image
    logs: tuple[str, ...]
    facts: str
    refusal: str
    build: Build | None = None


class ImageFacts(msgspec.Struct, frozen=True):
    """An image that is ready: its id, its shell (empty where it has none), and its search path for programs."""

    id: str
    shell: str
    path: str


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Run a command line in a container of its own.

    Args:
        name: what the container's name begins with.
        facts: the file that ``GetImage`` has written.
        prepared: the tag of the image that a preparation leaves, and which what comes after it runs in; empty where
            the job has no preparation.
        prepares: whether this is the preparation.
        command: for the shell of the image.
        environment: variables; ``$PATH`` in ``PATH`` is the image's own.
        cwd: the working directory.
        mounts: paths of this machine that the container sees under the same name.
        read_only: those that it sees, but cannot write.
        user: as Docker writes it, empty for the image's own.
        shared_memory: the size of ``/dev/shm`` as Docker writes it, empty for the engine's own.
        gpus: how many GPUs of this machine it gets.
        refusal: a file that is written where the engine refuses to start the container.
        trace: a file that is there for as long as anything of it may be left at the engine.
    """

    engine: Engine
    owner: Owner
    name: str
    facts: str
    prepared: str
    prepares: bool
    command: str
    environment: dict[str, str]
    cwd: str
    mounts: tuple[str, ...]
    read_only: tuple[str, ...]
    user: str
    shared_memory: str
    gpus: int
    image: str
    refusal: str
    trace: str

    def __repr__(self) -> str:
        return f"Run({self.name!r})"


class Remove(msgspec.Struct, frozen=True, tag="remove"):
    """Remove every container of a job, and every image that its preparations left."""

    engine: Engine
    owner: Owner


class Sweep(msgspec.Struct, frozen=True, tag="sweep"):
    """Remove what is left of an emulator's jobs that no supervisor runs any more, below the directory of its jobs."""

    engine: Engine
    emulator: str
    jobs: str


Order = GetImage | Run | Remove | Sweep


class Refusal(msgspec.Struct, frozen=True):
    """Why a container could not be started, in the service's words."""

    error: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


def encode(order: Order) -> str:
    """An order as text."""
    return msgspec.json.encode(order).decode()


def decode(text: bytes) -> Order:
    """The order in a text.

    Raises:
        msgspec.MsgspecError: it holds none.
    """
    order: Order = msgspec.json.decode(text, type=Order)
    return order


def write_refusal(path: str, refusal: Refusal) -> None:
    """Leave a refusal for the supervisor."""
    Path(path).write_bytes(msgspec.json.encode(refusal))
