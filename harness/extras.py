"""The extras of the package, and the command that installs a missing one.

The base installation has the dependencies of the emulator and its fixtures. Those of scenarios are larger, and are an
extra.
"""

from collections.abc import Mapping
from importlib.util import find_spec

DISTRIBUTION = "batchai-harness"
SCENARIOS = "scenarios"

# The extra that installs a module, by the first part of the module's name.
_EXTRAS: Mapping[str, str] = {
    "azure": SCENARIOS,
    "msrest": SCENARIOS,
    "numpy": SCENARIOS,
    "scipy": SCENARIOS,
    "sklearn": SCENARIOS,
}


def remedy(error: ModuleNotFoundError) -> str:
    """Return the command that installs the module that an import did not find."""
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install --upgrade {DISTRIBUTION}"


def require_extra(extra: str) -> None:
    """Check that the packages of an extra are installed, before anything is started.

    Raises:
        ModuleNotFoundError: a package is not installed; the message says how to install it.
    """
    for name, owner in _EXTRAS.items():
        if owner == extra and find_spec(name) is None:
            raise explained(ModuleNotFoundError(name=name))


def explained(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Return the same error with a message that says how to install the missing package."""
    return ModuleNotFoundError(f"the package {error.name} is missing: {remedy(error)}", name=error.name)
