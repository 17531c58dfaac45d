"""A local Azure: sign-in, Resource Manager, storage and Batch AI behind an HTTPS proxy on loopback."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.emulator.endpoint import Endpoint
    from harness.emulator.launch import find
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "Endpoint": "endpoint",
            "find": "launch",
        },
    )

__all__ = [
    "Endpoint",
    "find",
]
