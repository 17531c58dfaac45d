"""Operations along axes: reductions such as sums, and normalizations such as softmax."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch

from .elementwise import shape_preserving
from .function import Function, Tensor
from .kernel import Kernel
from .leaves import as_function
from .shape import static_axis

Reduction = Callable[..., Function]
KERNELS: dict[str, Kernel] = {}
_ALL: Final = "all"


def _reduction(op: str, meaning: str, compute: Callable[..., Tensor]) -> Reduction:
    def kernel(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
        lead = 1 if attributes["batched"] else 0
        axes = [axis + lead for axis in attributes["axes"]]
        return compute(values[0], axes, attributes["keep"]) if axes else values[0]

    def operation(x: Any, axis: Any = None, keepdims: bool = True, name: str = "") -> Function:
        value = as_function(x)
        keep = keepdims and axis is not None
        axes = _axes(op, axis, value)
        shape = tuple(1 if i in axes else length for i, length in enumerate(value.shape) if keep or i not in axes)
        attributes = {"axes": axes, "keep": keep, "batched": value.batched}
        return Function(op, [value], shape=shape, attributes=attributes, name=name)

    operation.__name__ = op
    operation.__doc__ = f"""{meaning}

    Args:
        x: the values.
        axis: of a sample, or several; default all of them, which gives a single number.
        keepdims: whether a reduced axis stays, with one value.
        name: to find it by.
    """
    KERNELS[op] = kernel
    return operation


def _axes(op: str, axis: Any, value: Function) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(value.shape)))
    axis_list = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(static_axis(op, index, value.shape) for index in axis_list))


def _product(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    for axis in reversed(axes):
        x = x.prod(axis, keepdim=keep)
    return x


def _position(pick: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The index of the picked element; along all axes, the index in row-major order."""

    def compute(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
        if len(axes) == 1:
            return pick(x, axes[0], keepdim=keep).to(x.dtype)
        return pick(x.flatten(x.dim() - len(axes)), -1).to(x.dtype)

    return compute


reduce_sum = _reduction("reduce_sum", "The sum.", lambda x, axes, keep: x.sum(axes, keepdim=keep))
reduce_mean = _reduction("reduce_mean", "The mean.", lambda x, axes, keep: x.mean(axes, keepdim=keep))
reduce_max = _reduction("reduce_max", "The greatest.", lambda x, axes, keep: x.amax(axes, keepdim=keep))
reduce_min = _reduction("reduce_min", "The smallest.", lambda x, axes, keep: x.amin(axes, keepdim=keep))
reduce_prod = _reduction("reduce_prod", "The product.", _product)
reduce_log_sum_exp = _reduction(
    "reduce_log_sum_exp", "The logarithm of the sum of exponentials.", lambda x, axes, keep: x.logsumexp(axes, keep)
)
_argmax = _reduction("argmax", "Where the greatest is.", _position(torch.argmax))
_argmin = _reduction("argmin", "Where the smallest is.", _position(torch.argmin))


def argmax(x: Any, axis: Any = None, name: str = "") -> Function:
    """Where the greatest value is along an axis of a sample; default all of them."""
    return _argmax(x, axis, True, name)


def argmin(x: Any, axis: Any = None, name: str = "") -> Function:
    """Where the smallest value is along an axis of a sample; default all of them."""
    return _argmin(x, axis, True, name)


def softmax(x: Any, axis: Any = None, name: str = "") -> Function:
    """exp(x) over its sum along an axis; default all of a sample's."""
    return _normalized("softmax", x, axis, name)


def log_softmax(x: Any, axis: Any = None, name: str = "") -> Function:
    """The logarithm of ``softmax``, but with the last axis as default, as in CNTK."""
    return _normalized("log_softmax", x, -1 if axis is None else axis, name)


def hardmax(x: Any, name: str = "") -> Function:
    """1 at the greatest of all values of a sample, else 0."""
    return _normalized("hardmax", x, None, name)


def _normalized(op: str, x: Any, axis: Any, name: str) -> Function:
    value = as_function(x)
    along = None if axis is None else static_axis(op, axis, value.shape) + value.batched
    if len(value.shape) == 1:
        along = int(value.batched)
    return shape_preserving(op, value, name, axis=along, batched=value.batched)


def _along(compute: Callable[[Tensor, int], Tensor]) -> Kernel:
    def kernel(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
        x = values[0]
        if attributes["axis"] is not None:
            return compute(x, attributes["axis"])
        lead = len(x) if attributes["batched"] else 1
        return compute(x.reshape(lead, math.prod(x.shape) // lead), 1).reshape(x.shape)

    return kernel


KERNELS |= {
    "softmax": _along(torch.softmax),
    "log_softmax": _along(torch.log_softmax),
    "hardmax": _along(lambda x, axis: torch.zeros_like(x).scatter_(axis, x.argmax(axis, keepdim=True), 1.0)),
}
