"""GPUs for a container, as its engine takes them."""

import re
from collections.abc import Mapping
from typing import Any

from docker.types import DeviceRequest

_FIRST_PODMAN = (5, 4)  # github.com/containers/podman/pull/25171; older ones take no notice of the request


class NoGpusError(Exception):
    """The engine gives GPUs to no container; the message says what would."""


def gpu_request(version: Mapping[str, Any], number: int) -> DeviceRequest:
    """The request for GPUs: by the names of CDI for Podman, by its own NVIDIA runtime for Docker.

    Args:
        version: what the engine says about itself.

    Raises:
        NoGpusError: it is a Podman that would run the container without them, and not say so.
    """
    parts = version.get("Components") or ()
    podman = next((str(part.get("Version")) for part in parts if part.get("Name") == "Podman Engine"), None)
    if podman is None:
        return DeviceRequest(count=number, capabilities=[["gpu"]])
    if tuple(map(int, re.findall(r"\d+", podman)[:2])) < _FIRST_PODMAN:
        first = ".".join(map(str, _FIRST_PODMAN))
        raise NoGpusError(
            f"the job's node has {number} GPU(s), and Podman {podman} gives none to containers by the Docker API; "
            f"use Podman {first} or newer, or Docker, or a size without GPUs"
        )
    return DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={index}" for index in range(number)])
