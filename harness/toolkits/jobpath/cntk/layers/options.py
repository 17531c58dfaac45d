"""Options of layers: given, or left to ``default_options``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..function import Function
from ..initializer import glorot_uniform
from ..shape import listed

Layer = Callable[[Any], Function]
Apply = Callable[[Any], Function] | None


class Unset:
    """Stands for an option that was not given, since ``None`` is a choice of its own."""


UNSET: Final = Unset()
_BUILT_IN: Final[Mapping[str, Any]] = {
    "init": glorot_uniform(), "init_bias": 0, "activation": None, "pad": False, "bias": True, "map_rank": None,
    "normalization_time_constant": 5000, "epsilon": 0.00001, "use_cntk_engine": True, "disable_regularization": False,
}  # fmt: skip
_options: ContextVar[Mapping[str, Any]] = ContextVar("cntk_layer_options", default=_BUILT_IN)


@contextmanager
def default_options(**options: Any) -> Iterator[None]:
    """What layers made inside take for options that they are not given: init, activation, pad and their like.

    Raises:
        TypeError: an option has another name.
    """
    unknown = sorted(set(options) - set(_BUILT_IN))
    if unknown:
        raise TypeError(f"default_options knows {', '.join(_BUILT_IN)}, not {', '.join(unknown)}")
    token = _options.set({**_options.get(), **options})
    try:
        yield
    finally:
        _options.reset(token)


def chosen(option: str, given: Any) -> Any:
    """An option's value: the one given, else the default."""
    return _options.get()[option] if isinstance(given, Unset) else given


def two(value: Any) -> tuple[Any, Any]:
    """Height's and width's share of an option. Raises ValueError where it has more or fewer."""
    values = listed(value) if hasattr(value, "__iter__") else listed(value) * 2
    if len(values) != 2:
        raise ValueError(f"CNTK on PyTorch has filters and windows of two axes, not {len(values)}: {value}")
    return values[0], values[1]
