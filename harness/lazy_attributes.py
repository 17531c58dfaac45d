"""Faces of packages whose names are imported when they are used (PEP 562).

A package's ``__init__`` names what its modules offer. To import all of them for one is slow where they need large
libraries: the journal of resources needs no Azure SDK, and its package does. A module that must start fast imports the
package and uses the name as its attribute.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from harness.extras import explained


def lazy_attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package that imports names from its modules when they are used.

    Args:
        package: ``__name__`` of the package.
        homes: the module of each name, relative to the package.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Not kept in the package: pytester imports modules again for each of its runs, and a copy would be another one.
        try:
            value: object = getattr(import_module(f"{package}.{homes[name]}"), name)
        except ModuleNotFoundError as error:
            raise explained(error) from None
        return value

    return get
