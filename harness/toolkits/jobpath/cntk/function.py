"""The graph: every value is a node with inputs, computed in order for a whole minibatch at once.

Shapes are those of one sample, without the batch axis, as in CNTK; a node is batched when an input of the network
reaches it, and its tensor then has the batch as its first axis.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .device import use_default_device

Tensor = Any  # torch.Tensor; PyTorch is not part of what type checkers see here
Shape = tuple[int, ...]
Kernel = Callable[[Sequence[Tensor], Mapping[str, Any], bool], Tensor]


class Function:
    """A node: an operation, its inputs and its attributes."""

    def __init__(
        self,
        op: str,
        inputs: Sequence["Function"],
        *,
        shape: Shape,
        attributes: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.shape = shape
        self.attributes = dict(attributes or {})
        self.name = name
        self.batched: bool = any(node.batched for node in self.inputs)

    @property
    def output(self) -> "Function":
        """The value itself: a node has one output."""
        return self

    @property
    def outputs(self) -> tuple["Function", ...]:
        """The one output."""
        return (self,)

    @property
    def parameters(self) -> tuple["Parameter", ...]:
        """What is learned, from the output backwards, weights before their bias, as in CNTK."""
        users = reversed(ordered([self]))
        return tuple(dict.fromkeys(each for node in users for each in node.inputs if isinstance(each, Parameter)))

    @property
    def arguments(self) -> tuple["Variable", ...]:
        """The network's inputs, in the order of their first use."""
        return tuple(node for node in ordered([self]) if isinstance(node, Variable))

    def find_by_name(self, name: str) -> "Function | None":
        """The one node of a name; ``None`` when there is none."""
        return next((node for node in ordered([self]) if node.name == name), None)

    def eval(self, arguments: Mapping["Variable", Any] | Any = None) -> Any:
        """Compute the value as a numpy array, dropout off.

        Args:
            arguments: samples by input, each with the batch as the first axis; a single array for a single input.
        """
        if arguments is not None and not isinstance(arguments, Mapping):
            arguments = dict(zip(self.arguments, [arguments], strict=True))
        with torch.inference_mode():
            (value,) = Plan([self]).run(feed(arguments or {}), training=False)
        return value.cpu().numpy()

    def save(self, filename: str) -> None:
        """Write the network and its weights to a file, whole or not at all."""
        from .model_file import save_model  # noqa: PLC0415  # which builds nodes itself

        save_model(self, filename)

    @staticmethod
    def load(filename: str) -> "Function":
        """Read what ``save`` wrote."""
        from .model_file import load_model  # noqa: PLC0415  # which builds nodes itself

        return load_model(filename)

    def __add__(self, other: Any) -> "Function":
        return _operator("plus", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Function":
        return _operator("minus", self, other)

    def __rsub__(self, other: Any) -> "Function":
        return _operator("minus", other, self)

    def __mul__(self, other: Any) -> "Function":
        return _operator("element_times", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Function":
        return _operator("element_divide", self, other)

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(node.name or node.op for node in self.inputs)}) -> {list(self.shape)}"


class Variable(Function):
    """An input of the network."""

    def __init__(self, shape: Shape, name: str = "") -> None:
        super().__init__("input", (), shape=shape, name=name)
        self.batched = True


class Constant(Function):
    """A fixed value; ``value`` is a number or an array."""

    def __init__(self, value: Any, shape: Shape | None = None, name: str = "") -> None:
        array = np.asarray(value, dtype=np.float32)
        array = np.broadcast_to(array, shape).copy() if shape is not None else array
        super().__init__("constant", (), shape=array.shape, name=name)
        self.tensor: Tensor = torch.from_numpy(array.copy()).to(use_default_device().torch)

    @property
    def value(self) -> Any:
        """The value as a numpy array."""
        return self.tensor.detach().cpu().numpy()


class Parameter(Constant):
    """A value that is learned."""

    def __init__(self, value: Any, shape: Shape | None = None, name: str = "") -> None:
        super().__init__(value, shape, name)
        self.op = "parameter"
        if len(self.shape) == 4 and self.tensor.device.type == "cpu":
            self.tensor = self.tensor.contiguous(memory_format=torch.channels_last)  # the CPU's fast layout
        self.tensor.requires_grad_(True)

    @property
    def value(self) -> Any:
        """The value as a numpy array; a copy."""
        return self.tensor.detach().cpu().numpy().copy()

    @value.setter
    def value(self, new: Any) -> None:
        with torch.no_grad():
            self.tensor.copy_(torch.as_tensor(np.broadcast_to(np.asarray(new, np.float32), self.shape).copy()))


class Plan:
    """What to compute for some nodes, each node once and after its inputs."""

    def __init__(self, roots: Sequence[Function]) -> None:
        from .ops import KERNELS  # noqa: PLC0415  # the operations build nodes

        self._roots = tuple(roots)
        nodes = ordered(roots)
        self._leaves = [node for node in nodes if isinstance(node, Constant)]
        self._inputs = [node for node in nodes if isinstance(node, Variable)]
        self._steps = [(node, KERNELS[node.op]) for node in nodes if node.inputs]

    def run(self, values: Mapping[Function, Tensor], *, training: bool) -> list[Tensor]:
        """The roots' values.

        Args:
            values: a tensor for every input of the network that the roots need.
            training: whether dropout drops.

        Raises:
            ValueError: an input has no value, or one of another shape.
        """
        known: dict[Function, Tensor] = {leaf: leaf.tensor for leaf in self._leaves}
        for variable in self._inputs:
            if variable not in values:
                raise ValueError(f"no value was given for the input {variable.name or list(variable.shape)}")
            tensor = values[variable]
            if tensor[0].numel() != int(np.prod(variable.shape)):
                raise ValueError(f"a sample of {list(tensor.shape[1:])} does not fit the input {list(variable.shape)}")
            known[variable] = tensor.reshape(len(tensor), *variable.shape)
        for node, kernel in self._steps:
            known[node] = kernel([known[each] for each in node.inputs], node.attributes, training)
        return [known[root] for root in self._roots]


def ordered(roots: Iterable[Function]) -> list[Function]:
    """Every node that the roots need, inputs first; a walk without recursion, so that depth is no limit."""
    found: dict[Function, None] = {}
    walk: list[tuple[Function, Iterator[Function]]] = []
    for root in roots:
        walk.append((root, iter(root.inputs)))
        while walk:
            node, rest = walk[-1]
            following = next((each for each in rest if each not in found), None)
            if following is None:
                found[node] = None
                walk.pop()
            else:
                walk.append((following, iter(following.inputs)))
    return list(found)


def feed(arguments: Mapping[Any, Any]) -> dict[Function, Tensor]:
    """Tensors on the device in use, of arrays, nested lists or minibatch data."""
    device = use_default_device().torch
    found = {}
    for variable, value in arguments.items():
        raw = getattr(value, "data", value) if not isinstance(value, np.ndarray) else value
        tensor = raw if isinstance(raw, torch.Tensor) else torch.as_tensor(np.asarray(raw, dtype=np.float32))
        if not len(tensor):
            raise ValueError("a minibatch needs at least one sample")
        found[variable] = tensor.to(device, non_blocking=True)
    return found


def input_variable(
    shape: int | Sequence[int], dtype: Any = np.float32, needs_gradient: bool = False, name: str = ""
) -> Variable:
    """An input of the network.

    Args:
        shape: of one sample.
        dtype: ``np.float32``, the only type here.
        needs_gradient: has to be ``False`` here.
        name: to find it by.

    Raises:
        ValueError: another type, or a gradient, is asked for.
    """
    if np.dtype(dtype) != np.float32 or needs_gradient:
        raise ValueError("CNTK on PyTorch takes float32 inputs without gradients")
    return Variable((shape,) if isinstance(shape, int) else tuple(shape), name)


def constant(value: Any, shape: Shape | None = None, name: str = "") -> Constant:
    """A fixed value, repeated to ``shape`` where one is given."""
    return Constant(value, shape, name)


def as_function(value: Any) -> Function:
    """A node as it is, anything else as a constant."""
    return value if isinstance(value, Function) else Constant(value)


def _operator(op: str, left: Any, right: Any) -> Function:
    from . import ops  # noqa: PLC0415  # the operations build nodes

    found: Function = getattr(ops, op)(left, right)
    return found
