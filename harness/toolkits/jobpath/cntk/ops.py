"""Operations: what each makes of its inputs' shapes, and what it computes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from .function import Function, Kernel, Shape, Tensor, as_function, constant, input_variable
from .missing import missing

__all__ = [
    "KERNELS", "classification_error", "constant", "convolution", "cross_entropy_with_softmax", "dropout",
    "element_divide", "element_times", "input_variable", "minus", "plus", "pooling", "relu", "reshape", "sigmoid",
    "softmax", "tanh", "times",
]  # fmt: skip


def plus(left: Any, right: Any, name: str = "") -> Function:
    """The sum, with numpy's broadcasting."""
    return _elementwise("plus", left, right, name)


def minus(left: Any, right: Any, name: str = "") -> Function:
    """The difference, with numpy's broadcasting."""
    return _elementwise("minus", left, right, name)


def element_times(left: Any, right: Any, name: str = "") -> Function:
    """The product of elements, with numpy's broadcasting."""
    return _elementwise("element_times", left, right, name)


def element_divide(left: Any, right: Any, name: str = "") -> Function:
    """The quotient of elements, with numpy's broadcasting."""
    return _elementwise("element_divide", left, right, name)


def relu(x: Any, name: str = "") -> Function:
    """The greater of 0 and ``x``."""
    return _mapped("relu", x, name)


def sigmoid(x: Any, name: str = "") -> Function:
    """1 / (1 + exp(-x))."""
    return _mapped("sigmoid", x, name)


def tanh(x: Any, name: str = "") -> Function:
    """The hyperbolic tangent."""
    return _mapped("tanh", x, name)


def softmax(x: Any, axis: int = -1, name: str = "") -> Function:
    """exp(x) over its sum along the last axis, the only one here."""
    if axis != -1:
        raise ValueError("CNTK on PyTorch has softmax along the last axis only")
    return _mapped("softmax", x, name)


def dropout(x: Any, dropout_rate: float = 0.0, name: str = "") -> Function:
    """In training, sets a share of the values to 0 and scales the rest so that the expectation stays."""
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; it has to be at least 0 and less than 1")
    return _mapped("dropout", x, name, rate=float(dropout_rate))


def reshape(x: Any, shape: Sequence[int] | int, name: str = "") -> Function:
    """The same values in another shape of as many."""
    x, target = as_function(x), (shape,) if isinstance(shape, int) else tuple(shape)
    if math.prod(target) != math.prod(x.shape):
        raise ValueError(f"{list(x.shape)} cannot be reshaped to {list(target)}")
    return Function("reshape", [x], shape=target, attributes={"shape": target, "batched": x.batched}, name=name)


def times(left: Any, right: Any, bias: Any = None, name: str = "") -> Function:
    """The matrix product: all axes of a sample on the left with as many leading axes of the matrix on the right.

    Args:
        left: batched samples of shape ``S``.
        right: a matrix of shape ``S + outputs``.
        bias: added to the product where given; shape ``outputs``.
        name: to find it by.
    """
    x, weights = as_function(left), as_function(right)
    if not x.batched or weights.batched or weights.shape[: len(x.shape)] != x.shape:
        raise ValueError(f"times: samples of {list(x.shape)} do not fit a matrix of {list(weights.shape)}")
    outputs = weights.shape[len(x.shape) :]
    inputs = [x, weights] if bias is None else [x, weights, as_function(bias)]
    return Function("times", inputs, shape=outputs, attributes={"outputs": outputs}, name=name)


def convolution(
    kernel: Any, x: Any, *, strides: Shape = (1, 1), auto_padding: Sequence[bool] = (False, False), bias: Any = None
) -> Function:
    """Correlate images ``(channels, height, width)`` with filters ``(filters, channels, height, width)``.

    Args:
        kernel: the filters.
        x: the images.
        strides: steps per axis.
        auto_padding: per axis, whether zeros around the image let every position be a centre.
        bias: one value per filter, shape ``(filters, 1, 1)``.
    """
    weights, images = as_function(kernel), as_function(x)
    if len(images.shape) != 3 or len(weights.shape) != 4 or weights.shape[1] != images.shape[0]:
        raise ValueError(f"convolution: images of {list(images.shape)} do not fit filters of {list(weights.shape)}")
    window = weights.shape[2:]
    size, padding = _window("convolution", images.shape[1:], window, strides, auto_padding)
    inputs = [images, weights] if bias is None else [images, weights, as_function(bias)]
    attributes = {"strides": tuple(strides), "padding": padding}
    return Function("convolution", inputs, shape=(weights.shape[0], *size), attributes=attributes)


def pooling(
    x: Any, kind: str, window: Shape, *, strides: Shape, auto_padding: Sequence[bool], name: str = ""
) -> Function:
    """The maximum (``kind`` "max") or average ("average") of windows over images; padding counts for neither."""
    images = as_function(x)
    if len(images.shape) != 3:
        raise ValueError(f"pooling takes images of (channels, height, width), not {list(images.shape)}")
    size, padding = _window("pooling", images.shape[1:], window, strides, auto_padding)
    if kind == "average" and any(padding):
        raise ValueError("CNTK on PyTorch has no average pooling with padding")
    attributes = {"window": tuple(window), "strides": tuple(strides), "padding": padding}
    return Function(f"{kind}_pooling", [images], shape=(images.shape[0], *size), attributes=attributes, name=name)


def cross_entropy_with_softmax(output_vector: Any, target_vector: Any, axis: int = -1, name: str = "") -> Function:
    """Per sample, the cross entropy between target probabilities and the softmax of the output."""
    return _criterion("cross_entropy_with_softmax", output_vector, target_vector, axis, name)


def classification_error(output_vector: Any, target_vector: Any, axis: int = -1, name: str = "") -> Function:
    """Per sample, 0 where output and target are greatest at the same place, else 1."""
    return _criterion("classification_error", output_vector, target_vector, axis, name)


def _criterion(op: str, output: Any, target: Any, axis: int, name: str) -> Function:
    left, right = as_function(output), as_function(target)
    if axis != -1 or left.shape != right.shape or len(left.shape) != 1:
        raise ValueError(f"{op}: needs two vectors of one length, not {list(left.shape)} and {list(right.shape)}")
    return Function(op, [left, right], shape=(), name=name)


def _mapped(op: str, x: Any, name: str, **attributes: Any) -> Function:
    x = as_function(x)
    return Function(op, [x], shape=x.shape, attributes=attributes, name=name)


def _elementwise(op: str, left: Any, right: Any, name: str) -> Function:
    a, b = as_function(left), as_function(right)
    longest = max(len(a.shape), len(b.shape))
    if any(each.batched and len(each.shape) < longest for each in (a, b)):
        raise ValueError(f"{op}: {list(a.shape)} and {list(b.shape)} do not have equally many axes")
    return Function(op, [a, b], shape=tuple(np.broadcast_shapes(a.shape, b.shape)), name=name)


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
    images, weights, *bias = values
    left, right, top, bottom = attributes["padding"]
    padding: tuple[int, int] = (top, left)
    if (left, top) != (right, bottom) or min(left, top) < 0:
        images, padding = functional.pad(images, (left, right, top, bottom)), (0, 0)
    flat = bias[0].flatten() if bias else None
    return functional.conv2d(images, weights, flat, stride=attributes["strides"], padding=padding)


def _max_pool(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    images = values[0]
    if any(attributes["padding"]):
        images = functional.pad(images, attributes["padding"], value=-math.inf)
    return functional.max_pool2d(images, attributes["window"], attributes["strides"])


def _matrix_product(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    x, weights, *bias = values
    matrix = weights.reshape(-1, math.prod(attributes["outputs"]))
    flat = x.flatten(1)
    product = torch.addmm(bias[0].flatten(), flat, matrix) if bias else flat @ matrix
    return product.reshape(len(x), *attributes["outputs"])


def _reshape(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    lead = (len(values[0]),) if attributes["batched"] else ()
    return values[0].reshape(*lead, *attributes["shape"])


def _plain(compute: Callable[..., Tensor]) -> Kernel:
    return lambda values, _attributes, _training: compute(*values)


KERNELS: Mapping[str, Kernel] = {
    "plus": _plain(torch.add),
    "minus": _plain(torch.sub),
    "element_times": _plain(torch.mul),
    "element_divide": _plain(torch.div),
    "relu": _plain(torch.relu),
    "sigmoid": _plain(torch.sigmoid),
    "tanh": _plain(torch.tanh),
    "softmax": _plain(lambda x: torch.softmax(x, -1)),
    "dropout": lambda values, attributes, training: functional.dropout(values[0], attributes["rate"], training),
    "reshape": _reshape,
    "times": _matrix_product,
    "convolution": _convolve,
    "max_pooling": _max_pool,
    "average_pooling": lambda values, attributes, _training: functional.avg_pool2d(
        values[0], attributes["window"], attributes["strides"]
    ),
    "cross_entropy_with_softmax": _plain(lambda z, t: functional.cross_entropy(z, t, reduction="none")),
    "classification_error": _plain(lambda z, t: (z.argmax(1) != t.argmax(1)).to(z.dtype)),
}

__getattr__ = missing(__name__)
