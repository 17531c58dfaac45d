"""Batch normalization, which collects statistics in training, and normalization of a sample."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch.nn import functional

from .function import Function, Tensor
from .kernel import Kernel
from .leaves import Constant, as_function


def batch_normalization(  # noqa: PLR0917  # CNTK's own order
    operand: Any,
    scale: Any,
    bias: Any,
    running_mean: Any,
    running_inv_std: Any,
    spatial: bool,
    normalization_time_constant: float = 5000,
    blend_time_constant: float = 0,
    epsilon: float = 0.00001,
    use_cudnn_engine: bool = False,
    disable_regularization: bool = False,
    name: str = "",
    running_count: Any = None,
) -> Function:
    """Values minus their mean, over their deviation, times ``scale``, plus ``bias``.

    Args:
        operand: the values.
        scale: one number per channel (``spatial``) or per value of a sample.
        bias: as many.
        running_mean: a constant of as many numbers, which training updates and evaluation uses.
        running_inv_std: a constant for the variance, with as many numbers (the name is CNTK's).
        spatial: whether the statistics of a channel are over all its pixels.
        normalization_time_constant: samples after which the weight of a minibatch's statistics is 1/e.
        blend_time_constant: has to be 0 here.
        epsilon: added to the variance.
        use_cudnn_engine: accepted as in CNTK.
        disable_regularization: accepted as in CNTK.
        name: to find it by.
        running_count: a constant for the number of samples seen.
    """
    del use_cudnn_engine, disable_regularization
    if blend_time_constant:
        raise ValueError("CNTK on PyTorch normalizes by the minibatch in training: blend_time_constant=0")
    value = as_function(operand)
    count = running_count if running_count is not None else Constant(0.0)
    inputs = [value, *(as_function(argument) for argument in (scale, bias, running_mean, running_inv_std, count))]
    attributes = {"spatial": bool(spatial), "memory": float(normalization_time_constant), "epsilon": float(epsilon)}
    return Function("batch_normalization", inputs, shape=value.shape, attributes=attributes, name=name)


def layer_normalization(operand: Any, scale: Any, bias: Any, *, epsilon: float, name: str = "") -> Function:
    """A sample's values minus their mean, over their deviation plus ``epsilon``; times ``scale``, plus ``bias``."""
    value = as_function(operand)
    inputs = [value, as_function(scale), as_function(bias)]
    return Function("layer_normalization", inputs, shape=value.shape, attributes={"epsilon": float(epsilon)}, name=name)


def _normalize_sample(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    x, scale, bias = values
    axes = tuple(range(1, x.dim()))
    centred = x - x.mean(axes, keepdim=True)
    deviation = centred.square().mean(axes, keepdim=True).sqrt()
    return centred / (deviation + attributes["epsilon"]) * scale + bias


def _normalize(values: Sequence[Tensor], attributes: Mapping[str, Any], training: bool) -> Tensor:
    x, scale, bias, mean, variance, count = values
    flat = x if attributes["spatial"] else x.flatten(1)
    weight = _weight(len(x), count, attributes["memory"]) if training else 0.0
    normal = functional.batch_norm(
        flat, mean.flatten(), variance.flatten(), scale.flatten(), bias.flatten(), training, weight,
        attributes["epsilon"],
    )  # fmt: skip
    return normal.reshape(x.shape)


def _weight(samples: int, count: Tensor, memory: float) -> float:
    """The weight of a minibatch's statistics in the running ones; 1 for the first minibatch."""
    total = float(count)
    count.add_(samples)
    if total == 0 or memory == 0:
        return 1.0
    return samples / (samples + total) if math.isinf(memory) else 1 - math.exp(-samples / memory)


KERNELS: Mapping[str, Kernel] = {"batch_normalization": _normalize, "layer_normalization": _normalize_sample}
