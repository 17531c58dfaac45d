"""Layers made of layers, and those that only pass on."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from .. import ops
from ..function import Function
from ..leaves import as_function
from .options import UNSET, Apply, Layer, Unset, chosen


def Sequential(layers: Iterable[Any], name: str = "") -> Layer:  # noqa: N802  # CNTK's own names
    """One layer after the other; nested lists count as their members."""
    chain = tuple(Sequential(each) if isinstance(each, (list, tuple)) else each for each in layers)

    def through(x: Any) -> Function:
        for layer in chain:
            x = layer(x)
        return ops.alias(x, name) if name else as_function(x)

    return through


def For(what_range: Iterable[int], constructor: Callable[..., Any], name: str = "") -> Layer:  # noqa: N802
    """The layers that ``constructor`` makes of each number, or of nothing where it takes nothing, in sequence."""
    takes_number = len(inspect.signature(constructor).parameters) > 0
    return Sequential([constructor(number) if takes_number else constructor() for number in what_range], name)


def ResNetBlock(f: Layer, name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """A value plus what a layer makes of it."""
    return lambda x: ops.plus(f(x), x, name)


def Activation(activation: Apply | Unset = UNSET, name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """The activation as a layer."""
    apply = chosen("activation", activation)
    return lambda x: ops.alias(apply(x) if apply is not None else x, name)


def Label(name: str) -> Layer:  # noqa: N802  # CNTK's own name
    """The same value under a name."""
    return lambda x: ops.alias(x, name)


def identity(x: Any) -> Any:
    """The value as it is."""
    return x
