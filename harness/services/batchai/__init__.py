"""Azure Batch AI, in its API version 2018-05-01."""

from harness.services.batchai.batchai_service import BatchAiService

__all__ = ["BatchAiService"]
