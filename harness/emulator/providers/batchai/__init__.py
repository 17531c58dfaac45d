"""Batch AI: workspaces, experiments, clusters, file servers and jobs, in all three API versions."""

from harness.emulator.providers.batchai.provider import BatchAI

__all__ = ["BatchAI"]
