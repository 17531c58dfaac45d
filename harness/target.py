"""Where a run happens and which service it uses: two axes, named alike for commands, pytest and settings."""

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
    """The service that is used where nobody names one: in Azure the one that exists today, elsewhere Batch AI."""
    return "azureml" if cloud == "azure" else "batchai"


def may_be_set(directory: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a setting can name either of them; reading the settings takes time that most test runs need not spend."""
    return any(name in environ for name in _VARIABLES) or any((directory / name).exists() for name in _FILES)
