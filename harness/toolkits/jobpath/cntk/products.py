"""The matrix product, convolution and pooling."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch.nn import functional

from .function import Function, Tensor
from .kernel import Kernel
from .leaves import as_function
from .rearrangements import reshape, transpose
from .shape import Shape, as_shape, per_axis

MAX_POOLING: Final = "max"
AVG_POOLING: Final = "average"


def times(
    left: Any, right: Any, output_rank: int = 1, infer_input_rank_to_map: int = -1, name: str = "", *, bias: Any = None
) -> Function:
    """The matrix product: the last axes of ``left`` with as many leading axes of ``right``.

    Args:
        left: samples or a matrix.
        right: its last ``output_rank`` axes are the result's, the others are multiplied and summed.
        output_rank: at least 0.
        infer_input_rank_to_map: accepted as in CNTK; here the shapes of all operands are known.
        name: to find it by.
        bias: is added to the product if given (not in CNTK, whose layers add it in a separate step).

    Raises:
        ValueError: the shapes do not fit.
    """
    del infer_input_rank_to_map
    x, weights = as_function(left), as_function(right)
    inner = max(0, len(weights.shape) - output_rank)
    outer_axes, inner_axes = x.shape[: len(x.shape) - inner], x.shape[len(x.shape) - inner :]
    if len(x.shape) < inner or inner_axes != weights.shape[:inner]:
        raise ValueError(f"times: {list(x.shape)} does not fit {list(weights.shape)} with output_rank {output_rank}")
    shape = (*outer_axes, *weights.shape[inner:])
    attributes = {
        "rows": math.prod(outer_axes), "inner": math.prod(inner_axes), "shape": shape,
        "batched": (x.batched, weights.batched),
    }  # fmt: skip
    inputs = [x, weights] if bias is None else [x, weights, as_function(bias)]
    return Function("times", inputs, shape=shape, attributes=attributes, name=name)


def times_transpose(left: Any, right: Any, name: str = "") -> Function:
    """The matrix product with ``right`` transposed; a vector is a matrix of one row, as in CNTK.

    Raises:
        ValueError: ``right`` has more than two axes, or the shapes do not fit.
    """
    matrix = as_function(right)
    if len(matrix.shape) not in (1, 2):
        raise ValueError(f"times_transpose: the right operand has one or two axes, not {list(matrix.shape)}")
    transposed = transpose(matrix, (1, 0)) if len(matrix.shape) == 2 else reshape(matrix, (*matrix.shape, 1))
    return times(left, transposed, name=name)


def convolution(
    convolution_map: Any,
    operand: Any,
    strides: Any = (1,),
    sharing: Any = (True,),
    auto_padding: Any = (True,),
    *,
    dilation: Any = (1,),
    groups: int = 1,
    bias: Any = None,
    name: str = "",
) -> Function:
    """Correlate images ``(channels, height, width)`` with filters ``(filters, channels, height, width)``.

    Args:
        convolution_map: the filters.
        operand: the images.
        strides: steps per axis, or for all; without one for the channels, the first is used.
        sharing: has to be ``True`` here: every position has the same filters.
        auto_padding: per axis or for all, whether zeros around the image let every position be a centre. As in CNTK,
            ``(True,)`` pads the channels too: the result then has a channel for each filter and position, and neither
            CNTK nor this module can compute it. ``(False, True, True)`` is what a network of images needs.
        dilation: distance of a filter's elements in the image, per axis or for all.
        groups: the number of groups into which the channels are split, each with separate filters.
        bias: one value per filter, shape ``(filters, 1, 1)``, if given (not in CNTK's function of this name).
        name: to find it by.

    Raises:
        ValueError: the shapes do not fit.
    """
    weights, images = as_function(convolution_map), as_function(operand)
    if len(images.shape) != 3 or len(weights.shape) != 4 or weights.shape[1] * groups != images.shape[0]:
        raise ValueError(f"convolution: images of {list(images.shape)} do not fit filters of {list(weights.shape)}")
    if not all(sharing):
        raise ValueError("CNTK on PyTorch shares a convolution's filters between all places: sharing=[True]")
    steps, pads, spread = (per_axis(option, 3) for option in (strides, auto_padding, dilation))
    window = tuple((wide - 1) * far + 1 for wide, far in zip(weights.shape[2:], spread[1:], strict=True))
    size, padding = _window("convolution", images.shape[1:], window, steps[1:], pads[1:])
    positions = -(-images.shape[0] // steps[0]) if pads[0] else 1
    inputs = [images, weights] if bias is None else [images, weights, as_function(bias)]
    attributes = {
        "strides": steps[1:], "padding": padding, "dilation": spread[1:], "groups": groups,
        "channel_positions": positions,
    }  # fmt: skip
    shape = (weights.shape[0] * positions, *size)
    return Function("convolution", inputs, shape=shape, attributes=attributes, name=name)


def pooling(  # noqa: PLR0917  # CNTK's own order
    operand: Any,
    pooling_type: str,
    pooling_window_shape: Any,
    strides: Any = (1,),
    auto_padding: Any = (False,),
    ceil_out_dim: bool = False,
    include_pad: bool = False,
    name: str = "",
) -> Function:
    """The maximum (``MAX_POOLING``) or average (``AVG_POOLING``) of windows over images.

    Args:
        operand: the images, ``(channels, height, width)``.
        pooling_type: one of the two.
        pooling_window_shape: height and width.
        strides: steps per axis, or for both.
        auto_padding: whether windows may reach over the edge; what is beyond it does not count.
        ceil_out_dim: has to be ``False`` here.
        include_pad: has to be ``False`` here.
        name: to find it by.
    """
    images = as_function(operand)
    if len(images.shape) != 3:
        raise ValueError(f"pooling takes images of (channels, height, width), not {list(images.shape)}")
    if ceil_out_dim or include_pad:
        raise ValueError("CNTK on PyTorch has no ceil_out_dim and no include_pad in pooling")
    window, steps, pads = (
        as_shape(pooling_window_shape)[-2:],
        *(per_axis(option, 3)[1:] for option in (strides, auto_padding)),
    )
    size, padding = _window("pooling", images.shape[1:], window, steps, pads)
    attributes = {"window": window, "strides": steps, "padding": padding}
    op = f"{pooling_type}_pooling"
    return Function(op, [images], shape=(images.shape[0], *size), attributes=attributes, name=name)


def _window(
    op: str, image: Shape, window: Shape, strides: Sequence[int], auto_padding: Sequence[bool]
) -> tuple[Shape, Shape]:
    """Output size, and padding as PyTorch orders it (left, right, top, bottom).

    CNTK's rule for a padded axis: as many outputs as there are strides that begin inside the image, and the windows'
    centres spread evenly, the odd pixel of an even window after the centre. A negative padding cuts off.
    """
    sizes, padding = [], []
    for length, wide, step, padded in zip(image, window, strides, auto_padding, strict=True):
        if not padded and wide > length:
            raise ValueError(f"{op}: a window of {wide} does not fit an image of {length}; pad it")
        size = -(-length // step) if padded else (length - wide) // step + 1
        free = length - 1 - (size - 1) * step
        before = (wide - 1) // 2 - free // 2 if padded else 0
        after = max(0, (size - 1) * step + wide - length - before) if padded else 0
        sizes.append(size)
        padding.append((before, after))
    return tuple(sizes), tuple(side for pair in reversed(padding) for side in pair)


def _convolve(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    if attributes.get("channel_positions", 1) != 1:
        raise ValueError(
            "the convolution pads the axis of channels, which CNTK cannot compute; "
            "to pad height and width alone, say auto_padding=(False, True, True)"
        )
    images, weights, *bias = values
    left, right, top, bottom = attributes["padding"]
    padding: tuple[int, int] = (top, left)
    if (left, top) != (right, bottom) or min(left, top) < 0:
        images, padding = functional.pad(images, (left, right, top, bottom)), (0, 0)
    flat = bias[0].flatten() if bias else None
    images = _channels_last(images)
    return functional.conv2d(
        images, weights, flat, attributes["strides"], padding, attributes["dilation"], attributes["groups"]
    )


def _channels_last(images: Tensor) -> Tensor:
    """Images in the layout in which a CPU convolves and pools fastest; the next layers keep it."""
    if images.device.type != "cpu":
        return images
    _, channels, height, width = images.shape
    if channels == 1 and images.is_contiguous():  # the data fits both layouts; only strides select one for PyTorch
        return images.as_strided(images.shape, (height * width, 1, width, 1))
    return images.contiguous(memory_format=torch.channels_last)


def _max_pool(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    images = values[0]
    if any(attributes["padding"]):
        images = functional.pad(images, attributes["padding"], value=-math.inf)
    return functional.max_pool2d(images, attributes["window"], attributes["strides"])


def _average_pool(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    images = values[0]
    average = functional.avg_pool2d(
        functional.pad(images, attributes["padding"]), attributes["window"], attributes["strides"]
    )
    if not any(attributes["padding"]):
        return average
    inside = functional.pad(torch.ones_like(images[:1, :1]), attributes["padding"])
    return average / functional.avg_pool2d(inside, attributes["window"], attributes["strides"])


def _matrix_product(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    x, weights, *bias = values
    rows, inner, (batch, batch_right) = attributes["rows"], attributes["inner"], attributes["batched"]
    size = len(x) if batch else len(weights)
    if batch_right:
        product = x.reshape(size if batch else 1, rows, inner) @ weights.reshape(len(weights), inner, -1)
    else:
        flat, matrix = x.reshape(-1, inner), weights.reshape(inner, -1)
        product = torch.addmm(bias[0].flatten(), flat, matrix) if bias and rows == 1 else flat @ matrix
    product = product.reshape(*((size,) if batch or batch_right else ()), *attributes["shape"])
    return product + bias[0] if bias and (batch_right or rows != 1) else product


KERNELS: Mapping[str, Kernel] = {
    "times": _matrix_product,
    "convolution": _convolve,
    "max_pooling": _max_pool,
    "average_pooling": _average_pool,
}
