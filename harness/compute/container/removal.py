"""Removes the containers of jobs, and the images of their preparations, from the engine."""

import contextlib
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from harness.compute.container.client import connect, containers_of, images_of, jobs_of
from harness.compute.container.orders import Owner, Remove, Sweep
from harness.compute.paths import JobPaths
from harness.file_lock import is_locked


def remove(order: Remove) -> int:
    """Remove the containers and images of a job; return the exit code of the program."""
    _remove(connect(order.engine), order.owner)
    return 0


def sweep(order: Sweep) -> int:
    """Remove the containers and images of the jobs in a directory that no supervisor runs; return the exit code.

    Jobs in another directory belong to a copy of the emulator's data, and are left alone.
    """
    client = connect(order.engine)
    for job in jobs_of(client, order.emulator):
        if Path(job).parent == Path(order.jobs) and not _is_supervised(Path(job)):
            _remove(client, Owner(order.emulator, job))
    return 0


def _remove(client: Any, owner: Owner) -> None:
    for container in containers_of(client, owner):
        with contextlib.suppress(NotFound):
            client.remove_container(container["Id"], force=True, v=True)
    for image in images_of(client, owner):
        with contextlib.suppress(NotFound):
            client.remove_image(image["Id"], force=True)


def _is_supervised(job: Path) -> bool:
    try:
        return is_locked(JobPaths(job).claim)
    except FileNotFoundError:
        return False
