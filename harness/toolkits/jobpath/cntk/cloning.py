"""Copies of networks."""

from collections.abc import Mapping

from .function import CloneMethod, Function, ordered
from .leaves import Constant, Parameter


def cloned(root: Function, method: CloneMethod, substitutions: Mapping[Function, Function]) -> Function:
    """The network that ends in ``root`` with other nodes in the place of some.

    Nodes that nothing changes are shared with the original.

    Raises:
        ValueError: a substitute has another shape, or is a fixed value in the place of a batch or the reverse.
    """
    for old, new in substitutions.items():
        if old.shape != new.shape or old.batched != new.batched:
            raise ValueError(f"{new!r} cannot take the place of {old!r}")
    made: dict[Function, Function] = {}
    for node in ordered([root]):
        if node in substitutions:
            made[node] = substitutions[node]
        elif isinstance(node, Constant):
            made[node] = _leaf(node, method)
        else:
            made[node] = _node(node, made)
    return made[root]


def _leaf(node: Constant, method: CloneMethod) -> Constant:
    if method is CloneMethod.share:
        return node
    if isinstance(node, Parameter) and method is CloneMethod.clone:
        return Parameter(init=node.value, name=node.name)
    return Constant(node.value, name=node.name)


def _node(node: Function, made: Mapping[Function, Function]) -> Function:
    inputs = [made[each] for each in node.inputs]
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return node
    return Function(node.op, inputs, shape=node.shape, attributes=node.attributes, name=node.name)
