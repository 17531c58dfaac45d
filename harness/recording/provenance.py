"""Where a cassette comes from: when it was recorded, against which cloud, with which versions."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from harness import __version__
from harness.clock import Clock

_CLIENTS = (
    "azure-core",
    "azure-identity",
    "azure-mgmt-batchai",
    "azure-mgmt-resource",
    "azure-storage-file",
    "requests",
    "urllib3",
)


def full_provenance(given: Mapping[str, str], clock: Clock) -> dict[str, str]:
    """What the caller gives (the cloud, say), then the time and the versions of all that took part."""
    return {
        **given,
        "recorded": clock.now().isoformat(timespec="seconds"),
        "harness": __version__,
        "python": platform.python_version(),
        **_installed(),
    }


def _installed() -> dict[str, str]:
    found = {}
    for name in _CLIENTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
