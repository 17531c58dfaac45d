"""Computes nodes, each once and after its inputs, for a whole minibatch at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .device import use_default_device
from .function import Function, Tensor, topological_order
from .io import MinibatchData
from .kernel import Kernel
from .leaves import Constant, Variable
from .ops import KERNELS
from .value import Value


class Plan:
    """The steps that compute some nodes, the roots."""

    def __init__(self, roots: Sequence[Function]) -> None:
        self._roots = tuple(roots)
        nodes = topological_order(roots)
        self._leaves = [node for node in nodes if isinstance(node, Constant)]
        self._inputs = [node for node in nodes if isinstance(node, Variable)]
        self._steps = _steps(nodes, self._roots)

    def run(self, values: Mapping[Function, Tensor], *, training: bool) -> list[Tensor]:
        """The values of the roots.

        Args:
            values: a tensor for every input of the network that the roots need.
            training: whether dropout drops and batch normalization learns its statistics.

        Raises:
            ValueError: an input has no value, or one of another shape.
        """
        tensors: dict[Function, Tensor] = {leaf: leaf.tensor for leaf in self._leaves}
        for variable in self._inputs:
            if variable not in values:
                raise ValueError(f"no value was given for the input {variable.name or list(variable.shape)}")
            tensors[variable] = _as_batch(values[variable], variable)
        for node, kernel, inputs in self._steps:
            tensors[node] = kernel([tensors[operand] for operand in inputs], node.attributes, training)
        return [tensors[root] for root in self._roots]


def _steps(nodes: Sequence[Function], roots: Sequence[Function]) -> list[tuple[Function, Kernel, tuple[Function, ...]]]:
    """Each node with its kernel and the nodes whose values are its inputs.

    A maximum over windows of ``relu`` is ``relu`` of the maximum, gradients included, and that has fewer values.
    """
    uses = Counter(operand for node in nodes for operand in node.inputs)
    uses.update(roots)
    swapped = {
        node.inputs[0]
        for node in nodes
        if node.op == "max_pooling" and node.inputs[0].op == "relu" and uses[node.inputs[0]] == 1
    }
    steps: list[tuple[Function, Kernel, tuple[Function, ...]]] = []
    for node in nodes:
        if not node.inputs or node in swapped:
            continue
        if node.op == "max_pooling" and node.inputs[0] in swapped:
            steps.append((node, KERNELS["max_pooling"], node.inputs[0].inputs))
            steps.append((node, KERNELS["relu"], (node,)))
        else:
            steps.append((node, KERNELS[node.op], node.inputs))
    return steps


def feed(arguments: Mapping[Any, Any]) -> dict[Function, Tensor]:
    """Tensors on the device in use, of arrays, nested lists or minibatch data."""
    device = use_default_device().torch
    return {variable: _tensor(value).to(device, non_blocking=True) for variable, value in arguments.items()}


def _tensor(value: Any) -> Tensor:
    if isinstance(value, (MinibatchData, Value)):
        return value.data
    if isinstance(value, torch.Tensor):
        return value
    dense = value.toarray() if hasattr(value, "toarray") else value  # scipy's sparse matrices
    return torch.as_tensor(np.ascontiguousarray(dense, dtype=np.float32))


def _as_batch(tensor: Tensor, variable: Variable) -> Tensor:
    """A batch of samples of the input's shape; a single sample becomes a batch of one."""
    if tuple(tensor.shape) == variable.shape:
        tensor = tensor[None]
    if not len(tensor):
        raise ValueError("a minibatch needs at least one sample")
    if tensor[0].numel() != int(np.prod(variable.shape)):
        raise ValueError(f"a sample of {list(tensor.shape[1:])} does not fit the input {list(variable.shape)}")
    return tensor.reshape(len(tensor), *variable.shape)
