"""``cntk.debugging.profiler``, whose functions do nothing: use PyTorch's ``torch.profiler``."""

from typing import Final

from ..missing import missing

_BUFFER: Final = 32 << 20  # bytes; CNTK's default


def start_profiler(dir: str = "profiler", sync_gpu: bool = True, reserve_mem: int = _BUFFER) -> None:  # noqa: A002
    """Accepted as in CNTK; nothing is written to ``dir``."""
    del dir, sync_gpu, reserve_mem


def stop_profiler() -> None:
    """Does nothing."""


def enable_profiler() -> None:
    """Does nothing."""


def disable_profiler() -> None:
    """Does nothing."""


__getattr__ = missing(__name__)
