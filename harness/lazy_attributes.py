"""Faces of packages whose names are imported when they are first used (PEP 562).

A package's ``__init__`` names what its modules offer. Importing all of them for one is slow where they stand on large
libraries: the journal of resources needs no Azure SDK, and its package does.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package that imports names from its modules when they are used.

    Args:
        package: ``__name__`` of the package.
        homes: the module of each name, relative to the package.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # from now on it is found without this function
        return value

    return get
