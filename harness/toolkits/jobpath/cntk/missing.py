"""What scripts are shown that use the rest of CNTK."""

import sys
from collections.abc import Callable, Sequence
from dis import opmap
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_REMEDY = "`harness toolkits install cntk` installs Microsoft's CNTK 2.7 where Python 3.6 is available"


def explain(name: str, verb: str = "is not") -> str:
    """Why something is not here, and how to get the whole of CNTK."""
    return f"{name} {verb} part of CNTK on PyTorch, which trains feed-forward networks on dense data; {_REMEDY}"


def missing(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that names what is not here.

    ``from module import name`` replaces an ``AttributeError`` by a sentence of Python's own, which does not say why;
    it passes an ``ImportError`` on. ``hasattr``, on the other hand, needs the ``AttributeError``.
    """

    def getattribute(name: str) -> Any:
        kind = ImportError if _is_import_from() else AttributeError
        raise kind(explain(f"{module}.{name}"))

    return getattribute


def _is_import_from() -> bool:
    """Whether the code that asked a module for a name runs ``from module import name``."""
    asking = sys._getframe(2)  # noqa: SLF001  # nothing else says how a name was asked for
    return asking.f_lasti >= 0 and asking.f_code.co_code[asking.f_lasti] == opmap["IMPORT_FROM"]


class _Refusal:
    """The last finder of all: names the modules of CNTK that are not here."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG004  # the protocol's own names
        """Called by ``import`` when nothing else knows a module."""
        if name.startswith("cntk."):
            raise ModuleNotFoundError(explain(f"the module {name}"), name=name)
        return None


def refuse_missing_modules() -> None:
    """Let ``import cntk.something`` say what ``cntk.something`` says, below plain modules too."""
    sys.meta_path.append(_Refusal())
    for name, module in list(sys.modules.items()):
        if name.startswith("cntk.") and not hasattr(module, "__path__"):
            module.__path__ = []  # or Python would say that it is not a package, and ask no finder
