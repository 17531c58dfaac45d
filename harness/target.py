"""Where a run happens and which service it uses: two axes, named alike for commands, pytest and settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from harness.errors import SettingsError

CloudName = Literal["replay", "emulator", "azure"]
ServiceName = Literal["batchai", "azureml"]

CLOUDS: tuple[CloudName, ...] = get_args(CloudName)
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
DEFAULT_SERVICE: ServiceName = "batchai"

_FILES = ("harness.toml", ".env")
_VARIABLES = ("HARNESS_CLOUD", "HARNESS_SERVICE")


def require_service(service: ServiceName) -> ServiceName:
    """The service, where it is available.

    Raises:
        SettingsError: it is reserved for a later version.
    """
    if service == "azureml":
        raise SettingsError(
            "the service azureml (Azure Machine Learning) is reserved for a later version; use --service batchai"
        )
    return service


def may_be_set(directory: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a setting can name either of them; reading the settings takes time that most test runs need not spend."""
    return any(name in environ for name in _VARIABLES) or any((directory / name).exists() for name in _FILES)
