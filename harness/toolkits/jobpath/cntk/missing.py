"""Error messages for scripts that use the missing parts of CNTK."""

import sys
from collections.abc import Callable, Sequence
from dis import opmap
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_REMEDY = "`harness toolkits install cntk` installs Microsoft's CNTK 2.7 where Python 3.6 is available"


def explain(name: str, verb: str = "is not") -> str:
    """A message that a name is missing, and how to install the whole CNTK."""
    return f"{name} {verb} part of CNTK on PyTorch, which trains feed-forward networks on dense data; {_REMEDY}"


def missing(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that explains a missing name.

    ``from module import name`` replaces an ``AttributeError`` by Python's own message, but passes an ``ImportError``
    on. ``hasattr``, on the other hand, needs the ``AttributeError``.
    """

    def getattribute(name: str) -> Any:
        kind = ImportError if _is_import_from() else AttributeError
        raise kind(explain(f"{module}.{name}"))

    return getattribute


def _is_import_from() -> bool:
    """Whether the code that looks up a module's name runs ``from module import name``."""
    frame = sys._getframe(2)  # noqa: SLF001  # only the bytecode distinguishes the two forms of look-up
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


class _Refusal:
    """The last finder on ``sys.meta_path``, which explains missing modules of CNTK."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG004  # the protocol's own names
        """Raise for a module of CNTK; ``import`` calls this when no other finder knows the module."""
        if name.startswith("cntk."):
            raise ModuleNotFoundError(explain(f"the module {name}"), name=name)
        return None


def refuse_missing_modules() -> None:
    """Let ``import cntk.x`` raise the same message as ``cntk.x``, also below plain modules."""
    sys.meta_path.append(_Refusal())
    for name, module in list(sys.modules.items()):
        if name.startswith("cntk.") and not hasattr(module, "__path__"):
            module.__path__ = []  # without a path, Python would call no finder
