"""Searches for the best point of a space by Optuna; only a scenario with ``sweep.search`` loads this package."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.search.study import Ending, ProposedTrial, Study, open_study
else:
    __getattr__ = lazy_attributes(__name__, dict.fromkeys(("ProposedTrial", "Ending", "Study", "open_study"), "study"))

__all__ = ["Ending", "ProposedTrial", "Study", "open_study"]
