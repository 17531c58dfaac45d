"""What scripts hear of the rest of CNTK."""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_REMEDY = "`harness toolkits install cntk` installs Microsoft's CNTK 2.7 where Python 3.6 is available"


def explain(name: str, verb: str = "is not") -> str:
    """Why something is not here, and how to get the whole of CNTK."""
    return f"{name} {verb} part of CNTK on PyTorch, which trains feed-forward networks on dense data; {_REMEDY}"


def missing(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that names what is not here."""

    def getattribute(name: str) -> Any:
        raise AttributeError(explain(f"{module}.{name}"))

    return getattribute


class _Refusal:
    """The last finder of all: names the modules of CNTK that are not here."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG004  # the protocol's own names
        """Called by ``import`` when nothing else knows a module."""
        if name.startswith("cntk."):
            raise ModuleNotFoundError(explain(f"the module {name}"), name=name)
        return None


def refuse_missing_modules() -> None:
    """Let ``import cntk.something`` say what ``cntk.something`` says."""
    sys.meta_path.append(_Refusal())
