"""Resources that workspaces depend on: the emulator stores and shows them, but does not play their services."""

from harness.emulator.providers.tracked.provider import TrackedResources

__all__ = ["TrackedResources"]
