"""Layers over windows of images."""

from collections.abc import Sequence

from .. import ops
from ..leaves import as_function
from .options import UNSET, Layer, Unset, as_pair, option_value


def MaxPooling(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] | Unset = UNSET,
    name: str = "",
) -> Layer:
    """The maximum of each window."""
    window, steps, padding = as_pair(filter_shape), as_pair(strides), as_pair(option_value("pad", pad))
    return lambda x: ops.pooling(x, ops.MAX_POOLING, window, steps, padding, name=name)


def AveragePooling(  # noqa: N802  # CNTK's own name
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] | Unset = UNSET,
    name: str = "",
) -> Layer:
    """The average of each window."""
    window, steps, padding = as_pair(filter_shape), as_pair(strides), as_pair(option_value("pad", pad))
    return lambda x: ops.pooling(x, ops.AVG_POOLING, window, steps, padding, name=name)


def GlobalMaxPooling(name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """The maximum of each channel, as an image of one pixel."""
    return lambda x: ops.pooling(x, ops.MAX_POOLING, as_function(x).shape[1:], name=name)


def GlobalAveragePooling(name: str = "") -> Layer:  # noqa: N802  # CNTK's own name
    """The average of each channel, as an image of one pixel."""
    return lambda x: ops.pooling(x, ops.AVG_POOLING, as_function(x).shape[1:], name=name)
