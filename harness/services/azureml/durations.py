"""Durations in the form of Azure Machine Learning."""

from datetime import timedelta


def duration_of(time: timedelta) -> str:
    """A duration in ISO 8601, in seconds, at least one."""
    return f"PT{max(1, round(time.total_seconds()))}S"
