"""The search for the best point of a space, by Optuna; only a scenario with ``sweep.search`` loads it."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.search.study import Asked, Ending, Study, open_study
else:
    __getattr__ = lazy_attributes(__name__, dict.fromkeys(("Asked", "Ending", "Study", "open_study"), "study"))

__all__ = ["Asked", "Ending", "Study", "open_study"]
