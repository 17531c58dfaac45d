"""Copies of networks."""

from collections.abc import Mapping

from .function import CloneMethod, Function, topological_order
from .leaves import Constant, Parameter


def clone_network(root: Function, method: CloneMethod, substitutions: Mapping[Function, Function]) -> Function:
    """The network that ends in ``root``, with some nodes replaced.

    Unchanged nodes are shared with the original.

    Raises:
        ValueError: a substitute has another shape, or only one of a node and its substitute is batched.
    """
    for old, new in substitutions.items():
        if old.shape != new.shape or old.batched != new.batched:
            raise ValueError(f"{new!r} cannot take the place of {old!r}")
    copies: dict[Function, Function] = {}
    for node in topological_order([root]):
        if node in substitutions:
            copies[node] = substitutions[node]
        elif isinstance(node, Constant):
            copies[node] = _leaf(node, method)
        else:
            copies[node] = _node(node, copies)
    return copies[root]


def _leaf(node: Constant, method: CloneMethod) -> Constant:
    if method is CloneMethod.share:
        return node
    if isinstance(node, Parameter) and method is CloneMethod.clone:
        return Parameter(init=node.value, name=node.name)
    return Constant(node.value, name=node.name)


def _node(node: Function, copies: Mapping[Function, Function]) -> Function:
    inputs = [copies[original] for original in node.inputs]
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return node
    return Function(node.op, inputs, shape=node.shape, attributes=node.attributes, name=node.name)
