"""Options of layers, and their defaults by ``default_options``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..function import Function
from ..initializer import glorot_uniform
from ..shape import as_tuple

Layer = Callable[[Any], Function]
Apply = Callable[[Any], Function] | None


class Unset:
    """Marks an option that was not given, since ``None`` is a valid value."""


UNSET: Final = Unset()
_BUILT_IN: Final[Mapping[str, Any]] = {
    "init": glorot_uniform(), "init_bias": 0, "activation": None, "pad": False, "bias": True, "map_rank": None,
    "normalization_time_constant": 5000, "epsilon": 0.00001, "use_cntk_engine": True, "disable_regularization": False,
}  # fmt: skip
_options: ContextVar[Mapping[str, Any]] = ContextVar("cntk_layer_options", default=_BUILT_IN)


@contextmanager
def default_options(**options: Any) -> Iterator[None]:
    """Set the defaults of layer options such as init, activation and pad while the block lasts.

    Raises:
        TypeError: there is no such option.
    """
    unknown = sorted(set(options) - set(_BUILT_IN))
    if unknown:
        raise TypeError(f"default_options knows {', '.join(_BUILT_IN)}, not {', '.join(unknown)}")
    token = _options.set({**_options.get(), **options})
    try:
        yield
    finally:
        _options.reset(token)


def option_value(option: str, value: Any) -> Any:
    """The given value of an option, else its default."""
    return _options.get()[option] if isinstance(value, Unset) else value


def as_pair(value: Any) -> tuple[Any, Any]:
    """The values of an option for height and width. Raises ValueError if it has more or fewer than two values."""
    values = as_tuple(value) if hasattr(value, "__iter__") else as_tuple(value) * 2
    if len(values) != 2:
        raise ValueError(f"CNTK on PyTorch has filters and windows of two axes, not {len(values)}: {value}")
    return values[0], values[1]
