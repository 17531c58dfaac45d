"""A run as one HTML file: it works offline, and shows everything that jobs wrote as text."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.report.importance import importance_of
    from harness.report.writing import write_report
else:
    __getattr__ = lazy_attributes(__name__, {"importance_of": "importance", "write_report": "writing"})

__all__ = ["importance_of", "write_report"]
