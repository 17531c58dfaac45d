"""The client of the container engine. Only the program ``python -m harness.compute.container`` imports this module."""

from typing import Any

import docker
from docker.errors import DockerException

from harness.compute.container.engine_address import EngineError
from harness.compute.container.orders import EMULATOR_LABEL, JOB_LABEL, Engine, Owner


def connect(engine: Engine, *, patient: bool = False) -> Any:
    """Create a client of the engine.

    Args:
        patient: whether it waits for responses without a time limit, which reading a container's output needs.

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
    """Return the containers of a job, running or not."""
    return _filter_owned(client.containers(all=True, filters=_filter(JOB_LABEL, owner.job)), owner)


def images_of(client: Any, owner: Owner) -> list[dict[str, Any]]:
    """Return the images that the preparations of a job have left."""
    return _filter_owned(client.images(filters=_filter(JOB_LABEL, owner.job)), owner)


def jobs_of(client: Any, emulator: str) -> set[str]:
    """Return the directories of an emulator's jobs that have containers or images."""
    label_filter = _filter(EMULATOR_LABEL, emulator)
    resources = [*client.containers(all=True, filters=label_filter), *client.images(filters=label_filter)]
    labels = [resource.get("Labels") or {} for resource in resources]
    return {label[JOB_LABEL] for label in labels if label.get(EMULATOR_LABEL) == emulator and JOB_LABEL in label}


def error_text(error: Exception) -> str:
    """Return the engine's explanation of an error, without the URL of the request."""
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()


def _filter(label: str, value: str) -> dict[str, list[str]]:
    """Return a filter by one label; with two labels Podman 4.3 finds no images."""
    return {"label": [f"{label}={value}"]}


def _filter_owned(resources: list[dict[str, Any]], owner: Owner) -> list[dict[str, Any]]:
    """Return the resources with both labels, so that deletions do not depend on the engine's filter alone."""
    labels = owner.labels().items()
    return [resource for resource in resources if labels <= (resource.get("Labels") or {}).items()]
