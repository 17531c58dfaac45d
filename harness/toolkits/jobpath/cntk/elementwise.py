"""Operations on elements, with numpy's broadcasting."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch.nn import functional

from .function import Function, Tensor
from .kernel import Kernel, plain
from .leaves import as_function

_LEAST: Final = 1e-37  # CNTK's logarithm of a smaller number is about that of this one
_LOG_OF_LEAST: Final = -85.1

Unary = Callable[..., Function]
Binary = Callable[..., Function]
KERNELS: dict[str, Kernel] = {}


def shape_preserving(op: str, x: Any, name: str, **attributes: Any) -> Function:
    """A node that keeps its input's shape."""
    value = as_function(x)
    return Function(op, [value], shape=value.shape, attributes=attributes, name=name)


def elementwise(op: str, operands: Sequence[Any], name: str) -> Function:
    """A node over operands that can be broadcast; axes of 1 are put before the shorter shape of a batch."""
    nodes = [as_function(operand) for operand in operands]
    rank = max(len(node.shape) for node in nodes)
    try:
        shape = tuple(np.broadcast_shapes(*(node.shape for node in nodes)))
    except ValueError:
        raise ValueError(f"{op}: shapes {', '.join(str(list(node.shape)) for node in nodes)} do not fit") from None
    lift = tuple(rank - len(node.shape) if node.batched else 0 for node in nodes)
    return Function(op, nodes, shape=shape, attributes={"lift": lift} if any(lift) else {}, name=name)


def broadcasting(compute: Callable[..., Tensor]) -> Kernel:
    """A kernel that first adds the missing axes to its batched inputs."""

    def kernel(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
        if "lift" not in attributes:
            return compute(*values)
        expanded = [
            value.reshape(len(value), *(1,) * axes, *value.shape[1:]) if axes else value
            for value, axes in zip(values, attributes["lift"], strict=True)
        ]
        return compute(*expanded)

    return kernel


def _unary(op: str, meaning: str, compute: Callable[[Tensor], Tensor]) -> Unary:
    KERNELS[op] = plain(compute)

    def operation(x: Any, name: str = "") -> Function:
        return shape_preserving(op, x, name)

    operation.__name__, operation.__doc__ = op, meaning
    return operation


def _binary(op: str, meaning: str, compute: Callable[[Tensor, Tensor], Tensor]) -> Binary:
    KERNELS[op] = broadcasting(compute)

    def operation(left: Any, right: Any, name: str = "") -> Function:
        return elementwise(op, (left, right), name)

    operation.__name__, operation.__doc__ = op, meaning
    return operation


def _flag(compare: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda a, b: compare(a, b).to(torch.float32)


def safe_log(x: Tensor) -> Tensor:
    """CNTK's logarithm: finite for 0 and below."""
    return torch.where(x < _LEAST, torch.full_like(x, _LOG_OF_LEAST), torch.log(x.clamp_min(_LEAST)))


def safe_reciprocal(x: Tensor) -> Tensor:
    """CNTK's reciprocal: 0 for 0."""
    zero = x == 0
    return torch.where(zero, 0.0, torch.reciprocal(torch.where(zero, 1.0, x)))


abs = _unary("abs", "The size without the sign.", torch.abs)  # noqa: A001  # CNTK's own names, here and below
ceil = _unary("ceil", "The whole number above.", torch.ceil)
cos = _unary("cos", "The cosine.", torch.cos)
exp = _unary("exp", "e to the power of ``x``.", torch.exp)
floor = _unary("floor", "The whole number below.", torch.floor)
log = _unary("log", "The natural logarithm; -85.1 for 0 and below, as in CNTK.", safe_log)
negate = _unary("negate", "The other sign.", torch.neg)
reciprocal = _unary("reciprocal", "1 / x; 0 for 0, as in CNTK.", safe_reciprocal)
relu = _unary("relu", "The greater of 0 and ``x``.", torch.relu)
selu = _unary("selu", "The scaled exponential linear unit.", torch.selu)
sigmoid = _unary("sigmoid", "1 / (1 + exp(-x)).", torch.sigmoid)
sin = _unary("sin", "The sine.", torch.sin)
softplus = _unary("softplus", "log(1 + exp(x)).", functional.softplus)
sqrt = _unary("sqrt", "The square root; 0 for what is negative, as in CNTK.", lambda x: torch.sqrt(x.clamp_min(0)))
square = _unary("square", "``x`` times itself.", torch.square)
stop_gradient = _unary("stop_gradient", "``x``, through which no gradient passes.", lambda x: x.detach())
tanh = _unary("tanh", "The hyperbolic tangent.", torch.tanh)

element_divide = _binary(
    "element_divide",
    "The quotient of elements; 0 where the divisor is 0, as in CNTK.",
    lambda a, b: a * safe_reciprocal(b),
)
element_max = _binary("element_max", "The greater of two elements.", torch.maximum)
element_min = _binary("element_min", "The smaller of two elements.", torch.minimum)
element_times = _binary("element_times", "The product of elements.", torch.mul)
equal = _binary("equal", "1 where elements are equal, else 0.", _flag(torch.eq))
greater = _binary("greater", "1 where the left element is greater, else 0.", _flag(torch.gt))
greater_equal = _binary("greater_equal", "1 where the left element is not less, else 0.", _flag(torch.ge))
less = _binary("less", "1 where the left element is less, else 0.", _flag(torch.lt))
less_equal = _binary("less_equal", "1 where the left element is not greater, else 0.", _flag(torch.le))
minus = _binary("minus", "The difference.", torch.sub)
not_equal = _binary("not_equal", "1 where elements differ, else 0.", _flag(torch.ne))
plus = _binary("plus", "The sum.", torch.add)
pow = _binary("pow", "The left element to the power of the right one.", torch.pow)  # noqa: A001  # CNTK's own name


def alias(x: Any, name: str = "") -> Function:
    """The same value under another name."""
    return shape_preserving("alias", x, name)


def clip(x: Any, min_value: float, max_value: float, name: str = "") -> Function:
    """``x``, but no less and no greater than two numbers."""
    return shape_preserving("clip", x, name, least=float(min_value), most=float(max_value))


def dropout(x: Any, dropout_rate: float = 0.0, seed: Any = None, name: str = "") -> Function:  # noqa: ARG001
    """In training, sets a share of the values to 0 and scales the rest so that the expectation stays.

    Args:
        x: the values.
        dropout_rate: the share.
        seed: accepted as in CNTK; the one seed of ``set_fixed_random_seed`` counts here.
        name: to find it by.
    """
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; it has to be at least 0 and less than 1")
    return shape_preserving("dropout", x, name, rate=float(dropout_rate))


def element_select(flag: Any, value_if_true: Any, value_if_false: Any, name: str = "") -> Function:
    """One value where ``flag`` is not 0, the other elsewhere."""
    return elementwise("element_select", (flag, value_if_true, value_if_false), name)


def elu(x: Any, alpha: float = 1.0, name: str = "") -> Function:
    """``x`` above 0, ``alpha`` times (exp(x) - 1) below."""
    return shape_preserving("elu", x, name, alpha=float(alpha))


def leaky_relu(x: Any, alpha: float = 0.01, name: str = "") -> Function:
    """``x`` above 0, ``alpha`` times ``x`` below."""
    return shape_preserving("leaky_relu", x, name, alpha=float(alpha))


KERNELS |= {
    "alias": plain(lambda x: x),
    "clip": lambda values, attributes, _training: values[0].clamp(attributes["least"], attributes["most"]),
    "dropout": lambda values, attributes, training: functional.dropout(values[0], attributes["rate"], training),
    "element_select": broadcasting(lambda flag, yes, no: torch.where(flag != 0, yes, no)),
    "elu": lambda values, attributes, _training: functional.elu(values[0], attributes["alpha"]),
    "leaky_relu": lambda values, attributes, _training: functional.leaky_relu(values[0], attributes["alpha"]),
}
