"""Clouds: they create SDK clients from addresses and credentials."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.clouds.local_emulator import running_emulator
    from harness.clouds.model import Clients, Cloud, CloudFacts, Poller
    from harness.clouds.opening import open_cloud
    from harness.clouds.retry_adapter import NoAnswerError
    from harness.clouds.retry_policy import RetryPolicy
    from harness.clouds.run_identity import new_run
    from harness.clouds.sdk import ClockTransport
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "Clients": "model",
            "ClockTransport": "sdk",
            "Cloud": "model",
            "CloudFacts": "model",
            "NoAnswerError": "retry_adapter",
            "Poller": "model",
            "RetryPolicy": "retry_policy",
            "new_run": "run_identity",
            "open_cloud": "opening",
            "running_emulator": "local_emulator",
        },
    )

__all__ = [
    "Clients",
    "ClockTransport",
    "Cloud",
    "CloudFacts",
    "NoAnswerError",
    "Poller",
    "RetryPolicy",
    "new_run",
    "open_cloud",
    "running_emulator",
]
