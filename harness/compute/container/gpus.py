"""The request for GPUs of a container, in the form that its engine accepts."""

import re
from collections.abc import Mapping
from typing import Any

from docker.types import DeviceRequest

_FIRST_PODMAN = (5, 4)  # github.com/containers/podman/pull/25171; older versions ignore the request


class NoGpusError(Exception):
    """The engine cannot give GPUs to containers; the message names engines that can."""


def gpu_request(version: Mapping[str, Any], number: int) -> DeviceRequest:
    """Return the request for GPUs: by CDI names for Podman, by the NVIDIA runtime for Docker.

    Args:
        version: the engine's response to a request for its version.
        number: the number of GPUs.

    Raises:
        NoGpusError: the engine is a Podman that would silently run the container without GPUs.
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
