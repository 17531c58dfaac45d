"""The cloud and the service of a run, with the same names in commands, pytest options and settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

CloudName = Literal["replay", "emulator", "azure"]
ServiceName = Literal["batchai", "azureml"]

CLOUDS: tuple[CloudName, ...] = get_args(CloudName)
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)

_FILES = ("harness.toml", ".env")
_VARIABLES = ("HARNESS_CLOUD", "HARNESS_SERVICE")


def default_service(cloud: CloudName) -> ServiceName:
    """Return the default service of a cloud: Batch AI, but in Azure its successor, Azure Machine Learning."""
    return "azureml" if cloud == "azure" else "batchai"


def may_be_set(directory: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the settings may name a cloud or a service; most test runs can then skip the slow reading of settings."""
    return any(name in environ for name in _VARIABLES) or any((directory / name).exists() for name in _FILES)
