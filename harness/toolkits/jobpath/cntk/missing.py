"""What scripts hear of the rest of CNTK."""

from collections.abc import Callable
from typing import Any


def missing(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that says what is not here, and how to get the whole of CNTK."""

    def getattribute(name: str) -> Any:
        raise AttributeError(
            f"{module}.{name} is not part of CNTK on PyTorch, which holds what the Batch AI quickstart uses; "
            "`harness toolkits install cntk` installs Microsoft's CNTK 2.7 where Python 3.6 is available"
        )

    return getattribute
