"""Clusters, queues and jobs, whichever service shows them: this package knows no HTTP and no API version."""

from harness.emulator.engine.engine import Engine, EngineOptions

__all__ = ["Engine", "EngineOptions"]
