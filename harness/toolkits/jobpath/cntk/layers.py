"""Layers: functions of one value whose weights are made when they first see a shape. ``cntk.layers``."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from . import ops
from .function import Function, Parameter, Shape, as_function
from .initializer import Init, glorot_uniform, initial
from .missing import missing

__all__ = [
    "AveragePooling", "Convolution", "Convolution2D", "Dense", "Dropout", "For", "Layer", "MaxPooling", "Sequential",
    "default_options",
]  # fmt: skip

Layer = Callable[[Any], Function]
Activation = Callable[[Any], Function] | None


class _Unset:
    """Stands for an option that was not given, since ``None`` is a choice of its own."""


_UNSET: Final = _Unset()
_BUILT_IN: Final[Mapping[str, Any]] = {
    "init": glorot_uniform(), "init_bias": 0, "activation": None, "pad": False, "bias": True,
}  # fmt: skip
_options: ContextVar[Mapping[str, Any]] = ContextVar("cntk_layer_options", default=_BUILT_IN)


@contextmanager
def default_options(**options: Any) -> Iterator[None]:
    """What layers made inside take for options that they are not given: init, init_bias, activation, pad, bias.

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


def Dense(  # noqa: N802  # CNTK's own name
    shape: int | Sequence[int],
    activation: Activation | _Unset = _UNSET,
    init: Init = _UNSET,
    *,
    bias: bool | _Unset = _UNSET,
    init_bias: Init = _UNSET,
    name: str = "",
) -> Layer:
    """Every output from every value of the sample, ``x W + b``.

    Args:
        shape: of the output.
        activation: applied to the result.
        init: of the weights.
        bias: whether ``b`` is there.
        init_bias: of ``b``.
        name: of the result.
    """
    outputs: Shape = (shape,) if isinstance(shape, int) else tuple(shape)
    apply, first = _chosen("activation", activation), _chosen("init", init)
    offset = _bias(outputs, _chosen("bias", bias), _chosen("init_bias", init_bias))

    def weights(x: Function) -> Parameter:
        values = initial(first, x.shape + outputs, fan_in=math.prod(x.shape), fan_out=math.prod(outputs))
        return Parameter(values, name="W")

    return _weighted(weights, lambda x, w: ops.times(x, w, offset), apply, name)


def Convolution(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int],
    num_filters: int,
    *,
    activation: Activation | _Unset = _UNSET,
    init: Init = _UNSET,
    pad: bool | Sequence[bool] | _Unset = _UNSET,
    strides: int | Sequence[int] = 1,
    bias: bool | _Unset = _UNSET,
    init_bias: Init = _UNSET,
    name: str = "",
) -> Layer:
    """Two-dimensional filters over images of (channels, height, width).

    Args:
        filter_shape: height and width.
        num_filters: channels of the result.
        activation: applied to the result.
        init: of the filters.
        pad: whether zeros around the image let every position be a centre; per axis or for both.
        strides: steps, per axis or for both.
        bias: whether each filter has an offset.
        init_bias: of the offsets.
        name: of the result.

    Raises:
        ValueError: the filters do not have two axes.
    """
    window = _two(filter_shape)
    apply, first = _chosen("activation", activation), _chosen("init", init)
    offset = _bias((num_filters, 1, 1), _chosen("bias", bias), _chosen("init_bias", init_bias))
    steps, padding = _two(strides), _two(_chosen("pad", pad))

    def weights(x: Function) -> Parameter:
        area = math.prod(window)
        shape = (num_filters, x.shape[0], *window)
        return Parameter(initial(first, shape, fan_in=x.shape[0] * area, fan_out=num_filters * area), name="W")

    return _weighted(
        weights, lambda x, w: ops.convolution(w, x, strides=steps, auto_padding=padding, bias=offset), apply, name
    )


def Convolution2D(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int], num_filters: int, activation: Activation | _Unset = _UNSET, **options: Any
) -> Layer:
    """``Convolution`` with filters of two axes, which a single number stands for too."""
    return Convolution(filter_shape, num_filters, activation=activation, **options)


def MaxPooling(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] | _Unset = _UNSET,
    name: str = "",
) -> Layer:
    """The maximum of each window."""
    window, steps, padding = _two(filter_shape), _two(strides), _two(_chosen("pad", pad))
    return lambda x: ops.pooling(x, "max", window, strides=steps, auto_padding=padding, name=name)


def AveragePooling(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] | _Unset = _UNSET,
    name: str = "",
) -> Layer:
    """The average of each window."""
    window, steps, padding = _two(filter_shape), _two(strides), _two(_chosen("pad", pad))
    return lambda x: ops.pooling(x, "average", window, strides=steps, auto_padding=padding, name=name)


def Dropout(dropout_rate: float | None = None, keep_prob: float | None = None, name: str = "") -> Layer:  # noqa: N802
    """Drops a share of the values in training; give the share dropped or the share kept.

    Raises:
        ValueError: both or neither are given.
    """
    if (dropout_rate is None) == (keep_prob is None):
        raise ValueError("Dropout takes dropout_rate or keep_prob")
    rate = dropout_rate if dropout_rate is not None else 1 - (keep_prob or 0)
    return lambda x: ops.dropout(x, rate, name)


def Sequential(layers: Iterable[Any], name: str = "") -> Layer:  # noqa: ARG001, N802  # CNTK's own names
    """One layer after the other; nested lists count as their members."""
    chain = tuple(Sequential(each) if isinstance(each, (list, tuple)) else each for each in layers)

    def through(x: Any) -> Function:
        for layer in chain:
            x = layer(x)
        return as_function(x)

    return through


def For(what_range: Iterable[int], constructor: Callable[..., Any], name: str = "") -> Layer:  # noqa: N802
    """The layers that ``constructor`` makes of each number, or of nothing where it takes nothing, in sequence."""
    takes_number = constructor.__code__.co_argcount > 0
    return Sequential([constructor(number) if takes_number else constructor() for number in what_range], name)


def _weighted(
    weights: Callable[[Function], Parameter],
    combine: Callable[[Function, Parameter], Function],
    activation: Activation,
    name: str,
) -> Layer:
    """A layer that makes its weights for the first shape it sees and shares them between its uses."""
    made: list[Parameter] = []

    def layer(x: Any) -> Function:
        value = as_function(x)
        if not made:
            made.append(weights(value))
        result = combine(value, made[0])
        result = activation(result) if activation is not None else result
        result.name = name or result.name
        return result

    return layer


def _bias(shape: Shape, wanted: bool, init: Init) -> Parameter | None:
    return Parameter(initial(init, shape, fan_in=1, fan_out=1), name="b") if wanted else None


def _chosen(option: str, given: Any) -> Any:
    return _options.get()[option] if isinstance(given, _Unset) else given


def _two(value: Any) -> tuple[Any, Any]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"CNTK on PyTorch has filters and windows of two axes, not {len(pair)}: {value}")
    return pair


__getattr__ = missing(__name__)
