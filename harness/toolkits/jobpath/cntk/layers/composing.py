"""Layers that combine layers, and layers without weights."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from .. import ops
from ..function import Function
from ..leaves import as_function
from .options import UNSET, Apply, Layer, Unset, option_value


def Sequential(layers: Iterable[Any], name: str = "") -> Layer:  # noqa: N802  # CNTK's own names
    """Layers in sequence; nested lists are flattened."""
    chain = tuple(Sequential(layer) if isinstance(layer, (list, tuple)) else layer for layer in layers)

    def apply_all(x: Any) -> Function:
        for layer in chain:
            x = layer(x)
        return ops.alias(x, name) if name else as_function(x)

    return apply_all


def For(what_range: Iterable[int], constructor: Callable[..., Any], name: str = "") -> Layer:  # noqa: N802
    """The layers that ``constructor`` creates for each number (or without argument, if it takes none), in sequence."""
    takes_number = len(inspect.signature(constructor).parameters) > 0
    return Sequential([constructor(number) if takes_number else constructor() for number in what_range], name)


def ResNetBlock(f: Layer, name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """A value plus the layer's result for it."""
    return lambda x: ops.plus(f(x), x, name)


def Activation(activation: Apply | Unset = UNSET, name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """The activation as a layer."""
    apply = option_value("activation", activation)
    return lambda x: ops.alias(apply(x) if apply is not None else x, name)


def Label(name: str) -> Layer:  # noqa: N802  # CNTK's own name
    """The same value under a name."""
    return lambda x: ops.alias(x, name)


def identity(x: Any) -> Any:
    """The value as it is."""
    return x
