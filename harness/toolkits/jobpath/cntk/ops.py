"""The operations, ``cntk.ops``, and their kernels."""

from collections.abc import Mapping
from typing import Any

from . import criteria, elementwise, normalization, products, rearrangements, reductions
from .elementwise import (
    abs,  # noqa: A004  # CNTK's own names
    alias,
    ceil,
    clip,
    cos,
    dropout,
    element_divide,
    element_max,
    element_min,
    element_select,
    element_times,
    elu,
    equal,
    exp,
    floor,
    greater,
    greater_equal,
    leaky_relu,
    less,
    less_equal,
    log,
    minus,
    negate,
    not_equal,
    plus,
    pow,  # noqa: A004
    reciprocal,
    relu,
    selu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    square,
    stop_gradient,
    tanh,
)
from .function import Function
from .kernel import Kernel
from .leaves import as_function, constant, input_variable, parameter
from .missing import missing
from .normalization import batch_normalization
from .products import AVG_POOLING, MAX_POOLING, convolution, pooling, times, times_transpose
from .rearrangements import (
    flatten,
    getitem,
    one_hot,
    reshape,
    slice,  # noqa: A004
    splice,
    squeeze,
    swapaxes,
    transpose,
)
from .reductions import (
    argmax,
    argmin,
    hardmax,
    log_softmax,
    reduce_log_sum_exp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
    softmax,
)

__all__ = [
    "AVG_POOLING", "MAX_POOLING", "abs", "alias", "argmax", "argmin", "batch_normalization", "ceil", "clip",
    "constant", "convolution", "cos", "dropout", "element_divide", "element_max", "element_min", "element_select",
    "element_times", "elu", "equal", "exp", "flatten", "floor", "getitem", "greater", "greater_equal",
    "hardmax", "input", "input_variable", "leaky_relu", "less", "less_equal", "log", "log_softmax", "mean", "minus",
    "negate", "not_equal", "one_hot", "parameter", "plus", "pooling", "pow", "reciprocal", "reduce_log_sum_exp",
    "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "relu", "reshape", "selu", "sigmoid",
    "sin", "slice", "softmax", "softplus", "splice", "sqrt", "square", "squeeze", "stop_gradient", "sum", "swapaxes",
    "tanh", "times", "times_transpose", "transpose",
]  # fmt: skip

KERNELS: Mapping[str, Kernel] = {
    **elementwise.KERNELS,
    **reductions.KERNELS,
    **rearrangements.KERNELS,
    **products.KERNELS,
    **normalization.KERNELS,
    **criteria.KERNELS,
}

input = input_variable  # noqa: A001  # CNTK's own name


def sum(*operands: Any, name: str = "") -> Function:  # noqa: A001  # CNTK's own name
    """The sum of several values."""
    total = as_function(operands[0])
    for operand in operands[1:]:
        total = plus(total, operand)
    return alias(total, name) if name else total


def mean(*operands: Any, name: str = "") -> Function:
    """The mean of several values."""
    return element_divide(sum(*operands), float(len(operands)), name)


__getattr__ = missing(__name__)
