"""Attributes of packages that are imported when they are first used (PEP 562).

A package's ``__init__`` re-exports names of its modules. To import all these modules for one name is slow if they need
large libraries: the journal of resources needs no Azure SDK, but other modules of its package do. A module that must
start fast imports the package and uses the name as its attribute.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from harness.extras import explained


def lazy_attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return a ``__getattr__`` for a package, which imports names from its modules when they are used.

    Args:
        package: ``__name__`` of the package.
        modules: the module of each name, relative to the package.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # The value is not stored in the package: pytester imports modules again for each run, and the stored value
        # would belong to the old module.
        try:
            value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        except ModuleNotFoundError as error:
            raise explained(error) from None
        return value

    return get
