"""Losses and metrics; each gives one value per sample unless stated otherwise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from .elementwise import elementwise, safe_log
from .function import Function, Tensor
from .kernel import Kernel, plain
from .leaves import as_function
from .shape import static_axis


def cross_entropy_with_softmax(output_vector: Any, target_vector: Any, axis: int = -1, name: str = "") -> Function:
    """The cross entropy between target probabilities and the softmax of the output.

    Args:
        output_vector: the output.
        target_vector: of the same shape.
        axis: along which the classes lie: the only one.
        name: to find it by.
    """
    return _criterion("cross_entropy_with_softmax", output_vector, target_vector, axis, name)


def classification_error(
    output_vector: Any, target_vector: Any, axis: int = -1, topN: int = 1, name: str = ""  # noqa: N803
) -> Function:  # fmt: skip
    """0 if output and target are greatest at the same index, else 1.

    Args:
        output_vector: the output.
        target_vector: one-hot, of the same shape.
        axis: along which the classes lie: the only one.
        topN: among how many of the greatest outputs the target must be.
        name: to find it by.
    """
    return _criterion("classification_error", output_vector, target_vector, axis, name, top=topN)


def squared_error(output: Any, target: Any, name: str = "") -> Function:
    """The sum of the squares of all differences: a single number."""
    node = elementwise("squared_error", (output, target), name)
    return Function("squared_error", node.inputs, shape=(), name=name)


def binary_cross_entropy(output: Any, target: Any, name: str = "") -> Function:
    """Per element, the cross entropy between the probability ``output`` and ``target``, both from 0 to 1."""
    return elementwise("binary_cross_entropy", (output, target), name)


def _criterion(op: str, output: Any, target: Any, axis: int, name: str, **attributes: Any) -> Function:
    left, right = as_function(output), as_function(target)
    if left.shape != right.shape or len(left.shape) != 1 or not left.batched or not right.batched:
        raise ValueError(f"{op}: needs batches of two equal vectors, not {list(left.shape)} and {list(right.shape)}")
    static_axis(op, axis, left.shape)
    return Function(op, [left, right], shape=(1,), attributes=attributes, name=name)


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return -(target * torch.log_softmax(output, 1)).sum(1, keepdim=True)


def _errors(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    output, target = values
    if attributes["top"] == 1:
        return 1 - target.gather(1, output.argmax(1, keepdim=True))
    indices = output.topk(attributes["top"], 1).indices
    return 1 - (indices == target.argmax(1, keepdim=True)).any(1, keepdim=True).to(output.dtype)


def _samplewise(compute: Callable[[Tensor, Tensor], Tensor]) -> Kernel:
    return plain(lambda a, b: compute(a, b).flatten(1).sum(1))


KERNELS: Mapping[str, Kernel] = {
    "binary_cross_entropy": plain(lambda p, t: -(t * safe_log(p) + (1 - t) * safe_log(1 - p))),
    "classification_error": _errors,
    "cross_entropy_with_softmax": plain(_cross_entropy),
    "squared_error": _samplewise(lambda a, b: torch.square(a - b)),
}
