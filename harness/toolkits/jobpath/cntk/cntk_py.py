"""The part of CNTK's native module that scripts call by name."""

from .debugging import set_checked_mode, set_computation_network_trace_level, set_node_timing
from .debugging.profiler import disable_profiler, enable_profiler, start_profiler, stop_profiler
from .missing import missing
from .random import set_fixed_random_seed

__all__ = [
    "disable_profiler", "enable_profiler", "force_deterministic_algorithms", "set_checked_mode",
    "set_computation_network_trace_level", "set_fixed_random_seed", "set_gpumemory_allocation_trace_level",
    "set_node_timing", "start_profiler", "stop_profiler",
]  # fmt: skip


def force_deterministic_algorithms() -> None:
    """Does nothing: the algorithms in use are deterministic."""


def set_gpumemory_allocation_trace_level(level: int) -> None:
    """Does nothing: PyTorch traces its own allocations."""
    del level


__getattr__ = missing(__name__)
