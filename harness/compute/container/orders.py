"""The orders for ``python -m harness.compute.container``: JSON on its standard input, because they contain secrets.

Containers, and the images that are made from them, have the labels of ``Owner``. Containers and images without both
labels are never touched.
"""

from pathlib import Path

import msgspec

EMULATOR_LABEL = "batchai-harness.emulator"
JOB_LABEL = "batchai-harness.job"


class Owner(msgspec.Struct, frozen=True):
    """The owner of a container: the emulator, by the id in its data directory, and the job, by its directory."""

    emulator: str
    job: str

    def labels(self) -> dict[str, str]:
        """The labels that mark a container or image of this owner."""
        return {EMULATOR_LABEL: self.emulator, JOB_LABEL: self.job}


class Engine(msgspec.Struct, frozen=True):
    """The address of the container engine, and the time limit of its responses, in seconds."""

    address: str
    seconds: float = 60.0


class Image(msgspec.Struct, frozen=True):
    """The image of a job: its name, the user and password for the registry (empty for none), and the requested name."""

    name: str
    user_name: str = ""
    password: str = ""
    asked_for: str = ""

    def __repr__(self) -> str:
        return f"Image({self.name!r})"


class Build(msgspec.Struct, frozen=True):
    """How the image of an environment is built.

    Args:
        conda: a conda file whose packages are added to the image of the order; empty for a build context.
        context: the directory of a build context, with its ``dockerfile``.
        log: the file that receives the output of the build.
        locks: a directory for locks, so that two jobs do not build an image at the same time.
    """

    conda: str
    context: str
    dockerfile: str
    log: str
    locks: str


class GetImage(msgspec.Struct, frozen=True, tag="get"):
    """Prepare the image. Its facts (``ImageFacts``), which every run needs, are written to the file ``facts``."""

    engine: Engine
    owner: Owner
    image: Image
    logs: tuple[str, ...]
    facts: str
    refusal: str
    build: Build | None = None


class ImageFacts(msgspec.Struct, frozen=True):
    """An image that is ready: its id, its shell (empty if it has none), and its search path for programs."""

    id: str
    shell: str
    path: str


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Run a command line in a new container.

    Args:
        name: the prefix of the container's name.
        facts: the file that ``GetImage`` has written.
        prepared: the tag of the image that the preparation creates and the later steps run in; empty if the job has no
            preparation.
        prepares: whether this is the preparation.
        command: the command for the shell of the image.
        environment: the variables; ``$PATH`` in ``PATH`` stands for the image's search path.
        cwd: the working directory.
        mounts: paths of this machine that are mounted under the same path in the container.
        read_only: such paths that are mounted read-only.
        user: the user in Docker's notation; empty for the image's default.
        shared_memory: the size of ``/dev/shm`` in Docker's notation; empty for the engine's default.
        gpus: the number of GPUs of this machine that the container gets.
        refusal: the file that is written if the engine refuses to start the container.
        trace: a file that exists for as long as the container or its image may exist.
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
    """Remove every container of a job, and every image that its preparations have left."""

    engine: Engine
    owner: Owner


class Sweep(msgspec.Struct, frozen=True, tag="sweep"):
    """Remove the containers and images of an emulator's jobs in one directory that no supervisor runs any more."""

    engine: Engine
    emulator: str
    jobs: str


Order = GetImage | Run | Remove | Sweep


class Refusal(msgspec.Struct, frozen=True):
    """The reason why a container could not be started, in the service's terms."""

    error: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


def encode(order: Order) -> str:
    """Encode an order as JSON."""
    return msgspec.json.encode(order).decode()


def decode(text: bytes) -> Order:
    """Decode an order.

    Raises:
        msgspec.MsgspecError: the text is no order.
    """
    order: Order = msgspec.json.decode(text, type=Order)
    return order


def write_refusal(path: str, refusal: Refusal) -> None:
    """Write a refusal for the supervisor."""
    Path(path).write_bytes(msgspec.json.encode(refusal))
