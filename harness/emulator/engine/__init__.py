"""Nodes, queues, jobs and their life, whichever service shows them: no HTTP, no API version."""

from harness.emulator.engine.engine import Engine, EngineOptions

__all__ = ["Engine", "EngineOptions"]
