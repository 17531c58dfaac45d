"""Untrusted YAML, whose aliases must not expand a small text into a large document; pure."""

from typing import Any

import yaml

_MOST_NODES = 20_000  # the most nodes of a document, repetitions by aliases included
_DEEPEST = 60


class YamlError(Exception):
    """The text is not YAML, or its document is too large."""


def read_yaml(text: str) -> Any:
    """The document of a text.

    Raises:
        YamlError: the text is not YAML, or its document is too large or too deep when all aliases are expanded.
    """
    _check_depth(text)
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}, 0) > _MOST_NODES:
            raise YamlError(f"the document has more than {_MOST_NODES} nodes")
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from error
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    """Check the depth of a text before it is composed, because libyaml crashes in a deep recursion."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise YamlError(f"the document is more than {_DEEPEST} levels deep")
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from error


def _size(node: yaml.Node, sizes: dict[int, int], depth: int) -> int:
    """The number of nodes of a document; a repeated node counts each time but is visited once."""
    if depth > _DEEPEST:  # the document may contain itself
        raise YamlError(f"the document is more than {_DEEPEST} levels deep")
    if id(node) not in sizes:
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        sizes[id(node)] = 1 + sum(_size(part, sizes, depth + 1) for part in inner)
    return sizes[id(node)]
