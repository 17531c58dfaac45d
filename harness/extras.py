"""Which extra of the package brings what is not installed.

The base installation is what the emulator and its fixtures need. What runs scenarios is larger, and is an extra.
"""

from collections.abc import Mapping
from importlib.util import find_spec

DISTRIBUTION = "batchai-harness"
SCENARIOS = "scenarios"

# Modules that an extra brings, by the first part of their names.
_EXTRAS: Mapping[str, str] = {
    "azure": SCENARIOS,
    "msrest": SCENARIOS,
    "numpy": SCENARIOS,
    "scipy": SCENARIOS,
    "sklearn": SCENARIOS,
}


def remedy(error: ModuleNotFoundError) -> str:
    """The command that installs what an import has missed."""
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install --upgrade {DISTRIBUTION}"


def require_extra(extra: str) -> None:
    """Refuse to go on without the packages that an extra brings, before anything is started.

    Raises:
        ModuleNotFoundError: one of them is not installed; the message says how to install it.
    """
    for name, brought_by in _EXTRAS.items():
        if brought_by == extra and find_spec(name) is None:
            raise explained(ModuleNotFoundError(name=name))


def explained(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The same error, which says how to install what is missing."""
    return ModuleNotFoundError(f"the package {error.name} is missing: {remedy(error)}", name=error.name)
