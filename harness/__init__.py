"""Integration tests, offline replay and parameter sweeps for GPU training jobs on Azure, with a local Azure emulator.

The names below are the public interface; everything else may change without notice. A name is imported when it is
first used, because most programs need only one or two of them.
"""

from importlib import import_module

# Type checkers treat this name as true. To import it from typing would double the time of `import harness`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from harness.emulator.endpoint import Endpoint
    from harness.emulator.launch import launch
    from harness.errors import HarnessError
    from harness.experiments.outcomes import Outcome
    from harness.recording import open_session
    from harness.recording.no_sleep import no_sleep
    from harness.recording.vcr_serializer import VcrSerializer
    from harness.scenario.load import load_scenario
    from harness.scenario.model import Scenario, Trial
    from harness.scenario.schema import SCHEMA_FILE

__version__ = "0.1.0"

_MODULES = {
    "Endpoint": "harness.emulator.endpoint",
    "HarnessError": "harness.errors",
    "Outcome": "harness.experiments.outcomes",
    "SCHEMA_FILE": "harness.scenario.schema",
    "Scenario": "harness.scenario.model",
    "Trial": "harness.scenario.model",
    "VcrSerializer": "harness.recording.vcr_serializer",
    "launch": "harness.emulator.launch",
    "load_scenario": "harness.scenario.load",
    "no_sleep": "harness.recording.no_sleep",
    "open_session": "harness.recording",
}

__all__ = [
    "SCHEMA_FILE",
    "Endpoint",
    "HarnessError",
    "Outcome",
    "Scenario",
    "Trial",
    "VcrSerializer",
    "launch",
    "load_scenario",
    "no_sleep",
    "open_session",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    attribute: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = attribute
    return attribute


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
