"""The client of the container engine. Only the program ``python -m harness.compute.container`` imports it."""

from typing import Any

import docker
from docker.errors import DockerException

from harness.compute.container.engine_address import EngineError
from harness.compute.container.orders import EMULATOR_LABEL, JOB_LABEL, Engine, Owner


def connect(engine: Engine, *, patient: bool = False) -> Any:
    """A client of the engine.

    Args:
        patient: whether it waits for answers without a limit, as one that listens to a container has to.

    Raises:
        EngineError: the engine does not answer.
    """
    try:
        client = docker.APIClient(base_url=engine.address, version="auto", timeout=engine.seconds)
    except DockerException as error:
        raise EngineError(f"no container engine answers at {engine.address}: {error}") from error
    if patient:
        client.timeout = None
    return client


def containers_of(client: Any, owner: Owner) -> list[dict[str, Any]]:
    """The containers of a job, running or not."""
    return _owned(client.containers(all=True, filters=_filter(JOB_LABEL, owner.job)), owner)


def images_of(client: Any, owner: Owner) -> list[dict[str, Any]]:
    """The images that the preparations of a job left."""
    return _owned(client.images(filters=_filter(JOB_LABEL, owner.job)), owner)


def jobs_of(client: Any, emulator: str) -> set[str]:
    """The directories of the jobs of an emulator that have containers or images."""
    wanted = _filter(EMULATOR_LABEL, emulator)
    found = [*client.containers(all=True, filters=wanted), *client.images(filters=wanted)]
    labels = [each.get("Labels") or {} for each in found]
    return {each[JOB_LABEL] for each in labels if each.get(EMULATOR_LABEL) == emulator and JOB_LABEL in each}


def reason(error: Exception) -> str:
    """What an engine says about an error, without the address of the request."""
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()


def _filter(label: str, value: str) -> dict[str, list[str]]:
    """A filter by one label: where there are two, Podman 4.3 finds no image at all."""
    return {"label": [f"{label}={value}"]}


def _owned(found: list[dict[str, Any]], owner: Owner) -> list[dict[str, Any]]:
    """Those that have both labels: an engine's filter alone does not decide what is deleted."""
    wanted = owner.labels().items()
    return [each for each in found if wanted <= (each.get("Labels") or {}).items()]
