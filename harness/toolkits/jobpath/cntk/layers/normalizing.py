"""Layers for normalization and dropout."""

import math
from typing import Any

from .. import ops
from ..function import Function
from ..initializer import Init
from ..leaves import Constant, Parameter, as_function
from ..normalization import layer_normalization
from .options import UNSET, Layer, Unset, option_value


def BatchNormalization(  # noqa: N802, PLR0917  # CNTK's own name and order
    map_rank: int | Unset | None = UNSET,
    init_scale: Init = 1,
    normalization_time_constant: float | Unset = UNSET,
    blend_time_constant: float = 0,
    epsilon: float | Unset = UNSET,
    use_cntk_engine: bool | Unset = UNSET,
    disable_regularization: bool | Unset = UNSET,
    name: str = "",
) -> Layer:
    """Values minus their mean over the minibatch, over their deviation; then a learned scale and offset.

    Args:
        map_rank: 1 for one scale and offset per channel; default one per value of a sample.
        init_scale: of the scale.
        normalization_time_constant: samples after which the weight of a minibatch's statistics is 1/e.
        blend_time_constant: has to be 0 here.
        epsilon: added to the variance.
        use_cntk_engine: accepted as in CNTK.
        disable_regularization: accepted as in CNTK.
        name: of the result.
    """
    del use_cntk_engine, disable_regularization
    rank, time_constant = (
        option_value("map_rank", map_rank),
        option_value("normalization_time_constant", normalization_time_constant),
    )
    if rank not in (None, 1):
        raise ValueError("CNTK on PyTorch has BatchNormalization with map_rank 1 or None")
    least = option_value("epsilon", epsilon)
    parameters: list[tuple[Any, ...]] = []

    def layer(x: Any) -> Function:
        value = as_function(x)
        if not parameters:
            shape = value.shape[:1] if rank == 1 else (math.prod(value.shape),)
            parameters.append((
                Parameter(shape, init_scale, name="scale"), Parameter(shape, 0, name="bias"),
                Constant(0, shape, name="aggregate_mean"), Constant(0, shape, name="aggregate_variance"),
                Constant(0, (), name="aggregate_count"),
            ))  # fmt: skip
        scale, bias, mean, variance, count = parameters[0]
        return ops.batch_normalization(
            value, scale, bias, mean, variance, rank == 1, time_constant, blend_time_constant, least,
            name=name, running_count=count,
        )  # fmt: skip

    return layer


def LayerNormalization(  # noqa: N802  # CNTK's own name
    initial_scale: Init = 1, initial_bias: Init = 0, epsilon: float | Unset = UNSET, name: str = ""
) -> Layer:
    """A sample's values minus their mean, over their deviation; then a learned scale and offset."""
    least = option_value("epsilon", epsilon)
    parameters: list[tuple[Parameter, Parameter]] = []

    def layer(x: Any) -> Function:
        value = as_function(x)
        if not parameters:
            width = value.shape[-1:]
            scale, bias = Parameter(width, initial_scale, name="scale"), Parameter(width, initial_bias, name="bias")
            parameters.append((scale, bias))
        scale, bias = parameters[0]
        return layer_normalization(value, scale, bias, epsilon=least, name=name)

    return layer


def Dropout(  # noqa: N802  # CNTK's own name
    dropout_rate: float | None = None, keep_prob: float | None = None, seed: Any = None, name: str = ""
) -> Layer:
    """Drops a share of the values in training; give the share dropped or the share kept.

    Raises:
        ValueError: both or neither are given.
    """
    if (dropout_rate is None) == (keep_prob is None):
        raise ValueError("Dropout takes dropout_rate or keep_prob")
    rate = dropout_rate if dropout_rate is not None else 1 - (keep_prob or 0)
    return lambda x: ops.dropout(x, rate, seed, name)
