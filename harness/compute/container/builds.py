"""Images of environments: the engine builds them once for each content, and the output of the build is logged."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from harness.compute.container.orders import EMULATOR_LABEL, Build, GetImage
from harness.compute.job_log import JobLog
from harness.file_lock import lock_file

_REPOSITORY = "batchai-harness/environment"
_TIMEOUT = 3600.0  # seconds that a job waits for the build of another job
_CONDA = "/azureml-envs/azureml"  # the service's path of the environment
_DOCKERFILE = f"""\
FROM {{base}}
COPY conda.yml /azureml-environment-setup/conda.yml
RUN conda env create -p {_CONDA} -f /azureml-environment-setup/conda.yml
ENV PATH={_CONDA}/bin:$PATH CONDA_DEFAULT_ENV={_CONDA} CONDA_PREFIX={_CONDA}
"""


class BuildError(Exception):
    """An image cannot be built; the message is the engine's last message."""


def build_image(client: Any, order: GetImage, build: Build, *, base: str, log: JobLog) -> str:
    """Build the image of an environment unless it exists; return its name.

    Args:
        base: the id of the image that the conda packages are added to; empty for a build context, which names its base.

    Raises:
        BuildError: the engine cannot build it.
        OSError: the build context cannot be read, or the log cannot be written.
    """
    name = f"{_REPOSITORY}:{content_hash(build, base)[:32]}"
    locks = Path(build.locks)
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock_file(locks / f"{name.rpartition(':')[2]}.lock", wait=_TIMEOUT):
        with contextlib.suppress(NotFound):
            client.inspect_image(name)
            log.write(f"image {name}: built before")
            return name
        log.write(f"image {name}: build; its log is {Path(build.log).name}")
        with _context(build, order.image.name) as (directory, dockerfile):
            _build(client, order, build, name=name, directory=directory, dockerfile=dockerfile)
    log.write(f"image {name}: built")
    return name


def content_hash(build: Build, base: str) -> str:
    """Return the hash of everything that an image is built from; for a symbolic link, of its target path."""
    digest = hashlib.sha256("\0".join((base, build.conda, build.dockerfile)).encode())
    root = Path(build.context)
    for path in sorted(root.rglob("*")) if build.context else ():
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file():
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


@contextmanager
def _context(build: Build, base: str) -> Iterator[tuple[str, str]]:
    """Yield the directory and the Dockerfile of a build.

    Raises:
        BuildError: the Dockerfile is not in the context.
    """
    if build.context:
        dockerfile = os.path.normpath(build.dockerfile)
        if dockerfile.startswith(("/", "..")) or not Path(build.context, dockerfile).is_file():
            raise BuildError(f"the build context of the environment has no {build.dockerfile}")
        yield build.context, dockerfile
        return
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "conda.yml").write_text(build.conda, encoding="utf-8")
        Path(directory, "Dockerfile").write_text(_DOCKERFILE.format(base=base), encoding="utf-8")
        yield directory, "Dockerfile"


def _build(client: Any, order: GetImage, build: Build, *, name: str, directory: str, dockerfile: str) -> None:
    Path(build.log).parent.mkdir(parents=True, exist_ok=True)
    events = client.build(
        path=directory,
        dockerfile=dockerfile,
        tag=name,
        rm=True,
        forcerm=True,
        decode=True,
        network_mode="host",
        labels={EMULATOR_LABEL: order.owner.emulator},
    )
    with Path(build.log).open("a", encoding="utf-8") as stream:
        for event in events:
            stream.write(str(event.get("stream") or event.get("error") or event.get("status") or ""))
            stream.flush()
            if "error" in event:
                raise BuildError(f"the image of the environment cannot be built: {event['error']}")
