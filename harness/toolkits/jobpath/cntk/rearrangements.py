"""Operations that move values without changing them."""

import builtins
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .function import Function, Tensor
from .kernel import Kernel
from .leaves import as_function
from .shape import InferredDimension, Shape, as_shape, static_axis


def reshape(x: Any, shape: Any, begin_axis: Any = None, end_axis: Any = None, name: str = "") -> Function:
    """The same values in another shape.

    Args:
        x: the values.
        shape: of the result; one axis can be ``InferredDimension``, -1.
        begin_axis: the first axis that ``shape`` replaces; default the first of all.
        end_axis: the axis before which it ends; default after the last of all.
        name: to find it by.
    """
    value = as_function(x)
    begin, end = begin_axis or 0, len(value.shape) if end_axis is None else end_axis
    head, middle, tail = value.shape[:begin], value.shape[begin:end], value.shape[end:]
    target = _fill_inferred_axis(as_shape(shape), math.prod(middle))
    if math.prod(target) != math.prod(middle):
        raise ValueError(f"reshape: {list(middle)} cannot become {list(target)}")
    return _reshaped(value, (*head, *target, *tail), name)


def flatten(x: Any, axis: Any = None, name: str = "") -> Function:
    """Two axes: those before ``axis`` in one, the rest in the other; default all in the second."""
    value = as_function(x)
    cut = 0 if axis is None else int(axis) % (len(value.shape) + 1)
    return _reshaped(value, (math.prod(value.shape[:cut]), math.prod(value.shape[cut:])), name)


def squeeze(x: Any, axes: Any = None, name: str = "") -> Function:
    """The values without axes of length 1: without all of them, or without ``axes``."""
    value = as_function(x)
    axis_list = axes if isinstance(axes, (tuple, list)) else range(len(value.shape)) if axes is None else (axes,)
    removed_axes = {static_axis("squeeze", axis, value.shape) for axis in axis_list}
    if axes is not None and any(value.shape[axis] != 1 for axis in removed_axes):
        raise ValueError(f"squeeze: an axis of {list(value.shape)} in {axes} is not of 1")
    return _reshaped(value, tuple(n for i, n in enumerate(value.shape) if n != 1 or i not in removed_axes), name)


def transpose(x: Any, perm: Sequence[int], name: str = "") -> Function:
    """The axes of a sample in another order."""
    value = as_function(x)
    order = [static_axis("transpose", axis, value.shape) for axis in perm]
    if sorted(order) != list(range(len(value.shape))):
        raise ValueError(f"transpose: {list(perm)} is no order of the axes of {list(value.shape)}")
    lead = int(value.batched)
    attributes = {"order": (*range(lead), *(axis + lead for axis in order))}
    return Function("transpose", [value], shape=tuple(value.shape[axis] for axis in order), attributes=attributes,
                    name=name)  # fmt: skip


def swapaxes(x: Any, axis1: int = 0, axis2: int = 1, name: str = "") -> Function:
    """Two axes of a sample swapped."""
    value = as_function(x)
    order = list(range(len(value.shape)))
    first, second = static_axis("swapaxes", axis1, order), static_axis("swapaxes", axis2, order)
    order[first], order[second] = order[second], order[first]
    return transpose(value, order, name)


def splice(*inputs: Any, axis: int = -1, name: str = "") -> Function:
    """Values concatenated along an axis; default the last.

    Raises:
        ValueError: their shapes differ elsewhere.
    """
    operands = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)) else inputs
    nodes = [as_function(operand) for operand in operands]
    along = static_axis("splice", axis, nodes[0].shape)
    if len({(*node.shape[:along], *node.shape[along + 1 :]) for node in nodes}) != 1:
        raise ValueError(f"splice: {', '.join(str(list(node.shape)) for node in nodes)} do not fit along axis {axis}")
    shape = list(nodes[0].shape)
    shape[along] = sum(node.shape[along] for node in nodes)
    attributes = {"axis": along, "batched": [node.batched for node in nodes], "shapes": [node.shape for node in nodes]}
    return Function("splice", nodes, shape=tuple(shape), attributes=attributes, name=name)


def slice(x: Any, axis: Any, begin_index: Any, end_index: Any, strides: Any = None, name: str = "") -> Function:  # noqa: A001, PLR0917  # CNTK's own name
    """A piece of an axis, or of several.

    Args:
        x: the values.
        axis: of a sample; a list for several.
        begin_index: the first index; from the end where negative.
        end_index: the index after the last; 0 for the end of the axis.
        strides: steps; default 1.
        name: to find it by.
    """
    value = as_function(x)
    options = [option if isinstance(option, (list, tuple)) else [option] for option in (axis, begin_index, end_index)]
    steps = strides if isinstance(strides, (list, tuple)) else [strides or 1] * len(options[0])
    window = [(0, length, 1) for length in value.shape]
    for index, begin, end, step in zip(*options, steps, strict=True):
        along = static_axis("slice", index, value.shape)
        if step < 1:
            raise ValueError("CNTK on PyTorch has slices of positive strides only")
        start, stop, _ = builtins.slice(begin, end or None, None).indices(value.shape[along])
        window[along] = (start, stop, step)
    shape = tuple(max(0, -(-(stop - start) // step)) for start, stop, step in window)
    if 0 in shape:
        raise ValueError(f"slice: nothing of {list(value.shape)} is left")
    return Function("slice", [value], shape=shape, attributes={"window": window, "batched": value.batched}, name=name)


def getitem(x: Function, key: Any) -> Function:
    """``x[key]``; unlike in numpy, an axis stays when a single index is taken of it, as in CNTK."""
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in keys:
        position = keys.index(Ellipsis)
        keys = (*keys[:position], *[builtins.slice(None)] * (len(x.shape) - len(keys) + 1), *keys[position + 1 :])
    for axis, index in enumerate(keys):
        if isinstance(index, int):
            x = slice(x, axis, index, index + 1)
        elif isinstance(index, builtins.slice) and (index.start, index.stop, index.step) != (None, None, None):
            x = slice(x, axis, index.start or 0, index.stop or 0, index.step)
        elif not isinstance(index, builtins.slice):
            raise TypeError(f"an index is a number or a slice, not {index!r}")
    return x


def one_hot(x: Any, num_classes: int, sparse_output: bool = False, axis: int = -1, name: str = "") -> Function:  # noqa: ARG001  # CNTK's own name
    """A 1 at each index and 0 elsewhere, along a new last axis of ``num_classes``."""
    value = as_function(x)
    if axis != -1:
        raise ValueError("CNTK on PyTorch puts the classes of one_hot last: axis=-1")
    return Function("one_hot", [value], shape=(*value.shape, num_classes), attributes={"classes": num_classes},
                    name=name)  # fmt: skip


def _fill_inferred_axis(shape: Shape, size: int) -> Shape:
    """A shape with its one inferred axis filled in."""
    if shape.count(InferredDimension) != 1:
        return shape
    rest = math.prod(length for length in shape if length != InferredDimension)
    return tuple(size // rest if length == InferredDimension else length for length in shape)


def _reshaped(value: Function, shape: Shape, name: str) -> Function:
    return Function("reshape", [value], shape=shape, attributes={"shape": shape, "batched": value.batched}, name=name)


def _reshape(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    lead = (len(values[0]),) if attributes["batched"] else ()
    return values[0].reshape(*lead, *attributes["shape"])


def _splice(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    batched = attributes["batched"]
    size = next((len(value) for value, flag in zip(values, batched, strict=True) if flag), None)
    if size is None:
        return torch.cat(list(values), attributes["axis"])
    parts = [value if flag else value.expand(size, *value.shape) for value, flag in zip(values, batched, strict=True)]
    return torch.cat(parts, attributes["axis"] + 1)


def _cut(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    window = tuple(builtins.slice(*bounds) for bounds in attributes["window"])
    return values[0][(builtins.slice(None), *window) if attributes["batched"] else window]


def _one_hot(values: Sequence[Tensor], attributes: Mapping[str, Any], _training: bool) -> Tensor:
    indices = values[0].long()
    return torch.nn.functional.one_hot(indices, attributes["classes"]).to(values[0].dtype)


KERNELS: Mapping[str, Kernel] = {
    "one_hot": _one_hot,
    "reshape": _reshape,
    "slice": _cut,
    "splice": _splice,
    "transpose": lambda values, attributes, _training: values[0].permute(attributes["order"]),
}
