"""Layers with a matrix or filters: dense, convolution, embedding."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..function import Function
from ..initializer import Init, initial_weights
from ..leaves import Constant, Parameter, as_function
from ..shape import Shape, as_shape
from .options import UNSET, Apply, Layer, Unset, as_pair, option_value


def Dense(  # noqa: N802  # CNTK's own name
    shape: int | Sequence[int],
    activation: Apply | Unset = UNSET,
    init: Init = UNSET,
    *,
    bias: bool | Unset = UNSET,
    init_bias: Init = UNSET,
    name: str = "",
) -> Layer:
    """Every output from every value of the sample, ``x W + b``.

    Args:
        shape: of the output.
        activation: applied to the result.
        init: of the weights.
        bias: whether to add ``b``.
        init_bias: of ``b``.
        name: of the result.
    """
    outputs = as_shape(shape)
    apply, first = option_value("activation", activation), option_value("init", init)
    offset = _bias(outputs, option_value("bias", bias), option_value("init_bias", init_bias))

    def weights(x: Function) -> Parameter:
        values = initial_weights(first, x.shape + outputs, fan_in=math.prod(x.shape), fan_out=math.prod(outputs))
        return Parameter(init=values, name="W")

    return _weighted(weights, lambda x, w: ops.times(x, w, len(outputs), bias=offset), apply, name)


def Convolution(  # noqa: N802, PLR0917  # CNTK's own name and order
    filter_shape: int | Sequence[int],
    num_filters: int | None = None,
    sequential: bool = False,
    activation: Apply | Unset = UNSET,
    init: Init = UNSET,
    pad: bool | Sequence[bool] | Unset = UNSET,
    strides: int | Sequence[int] = 1,
    *,
    bias: bool | Unset = UNSET,
    init_bias: Init = UNSET,
    reduction_rank: int = 1,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    name: str = "",
) -> Layer:
    """Two-dimensional filters over images of (channels, height, width).

    Args:
        filter_shape: height and width.
        num_filters: channels of the result.
        sequential: has to be ``False`` here.
        activation: applied to the result.
        init: of the filters.
        pad: whether to pad the image with zeros so that every position is a centre; per axis or for both.
        strides: steps, per axis or for both.
        bias: whether each filter has an offset.
        init_bias: of the offsets.
        reduction_rank: has to be 1 here: an image has an axis of channels.
        dilation: distance of a filter's elements in the image.
        groups: the number of groups into which the channels are split.
        name: of the result.

    Raises:
        ValueError: the filters do not have two axes, or a sequence is requested.
    """
    if sequential or reduction_rank != 1:
        raise ValueError("CNTK on PyTorch convolves images with channels: sequential=False, reduction_rank=1")
    window = as_pair(filter_shape)
    if num_filters is None:
        raise ValueError("CNTK on PyTorch needs num_filters in a convolution")
    apply, first = option_value("activation", activation), option_value("init", init)
    offset = _bias((num_filters, 1, 1), option_value("bias", bias), option_value("init_bias", init_bias))
    steps, padding = as_pair(strides), as_pair(option_value("pad", pad))

    def weights(x: Function) -> Parameter:
        area = math.prod(window)
        channels = x.shape[0] // groups
        values = initial_weights(
            first, (num_filters, channels, *window), fan_in=channels * area, fan_out=num_filters * area
        )
        return Parameter(init=values, name="W")

    def combine(x: Function, w: Parameter) -> Function:
        pads = (False, *padding)  # an image's channels are never padded by a layer
        return ops.convolution(w, x, steps, auto_padding=pads, dilation=as_pair(dilation), groups=groups, bias=offset)

    return _weighted(weights, combine, apply, name)


def Convolution2D(  # noqa: N802, PLR0917  # CNTK's own name and order
    filter_shape: int | Sequence[int],
    num_filters: int | None = None,
    activation: Apply | Unset = UNSET,
    init: Init = UNSET,
    pad: bool | Sequence[bool] | Unset = UNSET,
    strides: int | Sequence[int] = 1,
    **options: Any,
) -> Layer:
    """``Convolution`` with filters of two axes; a single number is used for both."""
    return Convolution(
        as_pair(filter_shape), num_filters, activation=activation, init=init, pad=pad, strides=strides, **options
    )


def Embedding(shape: Any = None, init: Init = UNSET, weights: Any = None, name: str = "") -> Layer:  # noqa: N802
    """A row of a matrix for each class of a one-hot sample; learned, or fixed where ``weights`` are given.

    Raises:
        ValueError: both or neither of ``shape`` and ``weights`` are given.
    """
    if (shape is None) == (weights is None):
        raise ValueError("Embedding takes shape or weights")
    if weights is not None:
        fixed = Constant(weights, name="E")
        return lambda x: ops.times(x, fixed, name=name)
    outputs, first = as_shape(shape), option_value("init", init)

    def rows(x: Function) -> Parameter:
        values = initial_weights(first, (x.shape[-1], *outputs), fan_in=x.shape[-1], fan_out=math.prod(outputs))
        return Parameter(init=values, name="E")

    return _weighted(rows, lambda x, table: ops.times(x, table, len(outputs)), None, name)


def _weighted(
    weights: Callable[[Function], Parameter],
    combine: Callable[[Function, Parameter], Function],
    activation: Apply,
    name: str,
) -> Layer:
    """A layer that creates its weights at its first use, and shares them between its uses."""
    parameters: list[Parameter] = []

    def layer(x: Any) -> Function:
        value = as_function(x)
        if not parameters:
            parameters.append(weights(value))
        result = combine(value, parameters[0])
        result = activation(result) if activation is not None else result
        result.name = name or result.name
        return result

    return layer


def _bias(shape: Shape, has_bias: bool, init: Init) -> Parameter | None:
    return Parameter(init=initial_weights(init, shape, fan_in=1, fan_out=1), name="b") if has_bias else None
