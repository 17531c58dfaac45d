"""A local Azure: sign-in, Resource Manager, storage and Batch AI behind an HTTPS proxy on loopback."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.emulator.endpoint import Endpoint
    from harness.emulator.launch import find, start_detached
    from harness.emulator.options import Options
    from harness.emulator.orphans import end_jobs
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "Endpoint": "endpoint",
            "Options": "options",
            "end_jobs": "orphans",
            "find": "launch",
            "start_detached": "launch",
        },
    )

__all__ = [
    "Endpoint",
    "Options",
    "end_jobs",
    "find",
    "start_detached",
]
