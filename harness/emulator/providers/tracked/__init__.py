"""Resources that others depend on, which the emulator keeps and shows but does not play."""

from harness.emulator.providers.tracked.provider import TrackedResources

__all__ = ["TrackedResources"]
