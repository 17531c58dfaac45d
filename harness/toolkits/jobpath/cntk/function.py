"""The computation graph: a value is a node with inputs. Shapes exclude the batch axis, as in CNTK.

A node is batched if it depends on an input of the network; the first axis of its tensor is then the batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import torch

from .device import check_device
from .missing import explain
from .shape import Shape

_VALUES_LAST: Final = frozenset({"batch_normalization", "convolution", "layer_normalization", "times"})
Tensor = Any  # torch.Tensor; PyTorch is not part of what type checkers see here


class CloneMethod(Enum):
    """The parameters of a network's copy: shared, copied, or constants."""

    share = "share"
    clone = "clone"
    freeze = "freeze"


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
    def owner(self) -> "Function":
        """The function whose output this is: itself."""
        return self

    @property
    def root_function(self) -> "Function":
        """The last node: itself."""
        return self

    @property
    def parameters(self) -> tuple["Function", ...]:
        """The learned values, in the order of ``search_order``, as in CNTK."""
        return tuple(node for node in search_order(self) if node.op == "parameter")

    @property
    def constants(self) -> tuple["Function", ...]:
        """Fixed values, in the order of ``search_order``."""
        return tuple(node for node in search_order(self) if node.op == "constant")

    @property
    def arguments(self) -> tuple["Function", ...]:
        """The network's inputs, in the order of ``search_order``."""
        return tuple(node for node in search_order(self) if node.op == "input")

    def find_by_name(self, name: str, depth: int = 0) -> "Function | None":  # noqa: ARG002  # CNTK's own name
        """The first node of a name in the order of ``search_order``; ``None`` when there is none."""
        return next((node for node in search_order(self) if node.name == name), None)

    def find_all_with_name(self, name: str, depth: int = 0) -> list["Function"]:  # noqa: ARG002  # CNTK's own name
        """Every node of a name, in the order of ``search_order``."""
        return [node for node in search_order(self) if node.name == name]

    def __getattr__(self, name: str) -> "Function":
        node = None if name.startswith("_") or "inputs" not in self.__dict__ else self.find_by_name(name)
        if node is None:
            raise AttributeError(explain(f"Function.{name}", "is neither the name of a node nor"))
        return node

    def __call__(self, *arguments: Any) -> Any:
        """The same network over other inputs, its parameters shared; over arrays, its value.

        Raises:
            TypeError: there are more or fewer arguments than inputs.
        """
        from .leaves import as_function  # noqa: PLC0415  # it imports this module

        if len(arguments) != len(self.arguments):
            raise TypeError(f"this function has {len(self.arguments)} inputs; {len(arguments)} were given")
        bindings = dict(zip(self.arguments, arguments, strict=True))
        if any(isinstance(argument, Function) for argument in arguments):
            return self.clone(CloneMethod.share, {old: as_function(new) for old, new in bindings.items()})
        return self.eval(bindings)

    def clone(
        self, method: CloneMethod | str, substitutions: Mapping["Function", "Function"] | None = None
    ) -> "Function":
        """A copy of the network.

        Args:
            method: ``share``, ``clone`` or ``freeze``: how the parameters are copied.
            substitutions: replacements of nodes.

        Raises:
            ValueError: a substitute has another shape.
        """
        from .cloning import clone_network  # noqa: PLC0415  # it imports this module

        return clone_network(self, CloneMethod(method), substitutions or {})

    def eval(self, arguments: Any = None, outputs: Any = None, device: Any = None, as_numpy: bool = True) -> Any:
        """Compute the value as a numpy array, dropout off.

        Args:
            arguments: samples by input, each with the batch as the first axis; a single array for a single input.
            outputs: has to be ``None`` here: a node has one output.
            device: accepted as in CNTK; the default device computes.
            as_numpy: whether to give an array rather than a tensor.
        """
        from .plan import Plan, feed  # noqa: PLC0415  # it imports the operations, which build nodes

        _refuse_outputs(self, outputs)
        check_device(device)
        if arguments is not None and not isinstance(arguments, Mapping):
            single = [arguments] if len(self.arguments) == 1 else arguments
            arguments = dict(zip(self.arguments, single, strict=True))
        with torch.inference_mode():
            (value,) = Plan([self]).run(feed(arguments or {}), training=False)
        return value.cpu().numpy() if as_numpy else value

    def save(self, filename: str) -> None:
        """Write the network and its weights to a file atomically."""
        from .model_file import save_model  # noqa: PLC0415  # it imports this module

        save_model(self, filename)

    @staticmethod
    def load(model: str, device: Any = None) -> "Function":
        """Read a file that ``save`` has written."""
        from .model_file import load_model  # noqa: PLC0415  # it imports this module

        return load_model(model, device)

    def __add__(self, other: Any) -> "Function":
        return _operator("plus", self, other)

    def __radd__(self, other: Any) -> "Function":
        return _operator("plus", other, self)

    def __sub__(self, other: Any) -> "Function":
        return _operator("minus", self, other)

    def __rsub__(self, other: Any) -> "Function":
        return _operator("minus", other, self)

    def __mul__(self, other: Any) -> "Function":
        return _operator("element_times", self, other)

    def __rmul__(self, other: Any) -> "Function":
        return _operator("element_times", other, self)

    def __truediv__(self, other: Any) -> "Function":
        return _operator("element_divide", self, other)

    def __rtruediv__(self, other: Any) -> "Function":
        return _operator("element_divide", other, self)

    def __pow__(self, other: Any) -> "Function":
        return _operator("pow", self, other)

    def __matmul__(self, other: Any) -> "Function":
        return _operator("times", self, other)

    def __neg__(self) -> "Function":
        return _operator("negate", self)

    def __abs__(self) -> "Function":
        return _operator("abs", self)

    def __getitem__(self, key: Any) -> "Function":
        return _operator("getitem", self, key)

    def __iter__(self) -> Any:
        raise TypeError("a function is not a sequence")

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(node.name or node.op for node in self.inputs)}) -> {list(self.shape)}"


def topological_order(roots: Sequence[Function]) -> list[Function]:
    """Every node that the roots need, inputs first; the walk is not recursive, so that depth is not limited."""
    nodes: dict[Function, None] = {}
    walk: list[tuple[Function, Any]] = []
    for root in roots:
        walk.append((root, iter(root.inputs)))
        while walk:
            node, rest = walk[-1]
            successor = next((child for child in rest if child not in nodes), None)
            if successor is None:
                nodes[node] = None
                walk.pop()
            else:
                walk.append((successor, iter(successor.inputs)))
    return list(nodes)


def search_order(root: Function) -> Iterator[Function]:
    """Every node that a root needs, in the order of CNTK 2.7: depth first, first input first.

    CNTK multiplies weights by values, but Python's ``times`` has the values first; and CNTK visits a layer's parameters
    before its input. So the first input of such operations is visited last.
    """
    visited: set[Function] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node in visited:
            continue
        visited.add(node)
        yield node
        first, rest = node.inputs[:1], node.inputs[1:]
        stack += reversed((*rest, *first) if node.op in _VALUES_LAST else node.inputs)


def _operator(op: str, *operands: Any) -> Function:
    from . import ops  # noqa: PLC0415  # the operations build nodes

    node: Function = getattr(ops, op)(*operands)
    return node


def _refuse_outputs(node: Function, outputs: Any) -> None:
    if outputs is not None:
        raise ValueError(f"CNTK on PyTorch has functions of one output: evaluate {node!r} itself, without outputs=")
