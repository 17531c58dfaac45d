"""``cntk.debugging``: options that scripts set at their beginning, and that have no effect here."""

from ..missing import missing
from ..random import set_fixed_random_seed
from .profiler import disable_profiler, enable_profiler, start_profiler, stop_profiler

__all__ = [
    "disable_profiler", "enable_profiler", "force_deterministic", "set_checked_mode",
    "set_computation_network_trace_level", "set_node_timing", "start_profiler", "stop_profiler",
]  # fmt: skip


def force_deterministic(seed: int) -> None:
    """Restart the random numbers from a seed."""
    set_fixed_random_seed(seed)


def set_checked_mode(enable: bool) -> None:  # CNTK's own form
    """Does nothing: PyTorch checks shapes at every step."""
    del enable


def set_computation_network_trace_level(level: int) -> None:
    """Does nothing: there is no native network to trace."""
    del level


def set_node_timing(enable: bool) -> None:  # CNTK's own form
    """Does nothing: nodes are not timed."""
    del enable


__getattr__ = missing(__name__)
