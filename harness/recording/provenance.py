"""The provenance of a cassette: the time of its recording, the cloud, and the versions of the programs."""

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


def full_provenance(entries: Mapping[str, str], clock: Clock) -> dict[str, str]:
    """Add the time and the versions of the harness, Python and the clients to a caller's entries, such as the cloud."""
    return {
        **entries,
        "recorded": clock.now().isoformat(timespec="seconds"),
        "harness": __version__,
        "python": platform.python_version(),
        **_installed(),
    }


def _installed() -> dict[str, str]:
    versions = {}
    for name in _CLIENTS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
