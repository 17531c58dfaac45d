"""Integration tests, offline replay and parameter sweeps for Azure Batch AI training jobs."""

__version__ = "0.1.0"
