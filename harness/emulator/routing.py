"""Tables of routes, matched as Resource Manager does: literal segments ignore case, values keep it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from harness.emulator.context import Request, Response
from harness.emulator.text_cache import text_cache

Handler = Callable[[Request], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: ``template`` is a path with ``{name}`` segments, ``operation`` Azure's name for it."""

    method: str
    template: str
    operation: str
    handler: Handler


class Router:
    """Finds the route of a request by method and path.

    It compares the segments along a tree, a literal before a ``{name}``, so the cost grows with the length of the path
    and not with the number of routes.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node, names = self._root, []
            for segment in route.template.strip("/").split("/"):
                if segment.startswith("{"):
                    names.append(segment[1:-1])
                    if node.value is None:
                        node.value = _Node()
                    node = node.value
                else:
                    node = node.literals.setdefault(segment.lower(), _Node())
            node.routes[route.method] = (route, tuple(names))
        self._find = text_cache(self._node_of)

    def match(self, request: Request) -> Route | None:
        """Find the route of a request, and fill in ``request.params``; None if there is none."""
        match = self._find(request.path)
        if match is None:
            return None
        node, values = match
        if (entry := node.routes.get(request.method)) is None:
            return None
        route, names = entry
        request.params = dict(zip(names, values, strict=True))
        return route

    def methods(self, path: str) -> list[str]:
        """The methods of a path, sorted; empty if the path does not exist."""
        match = self._find(path)
        return sorted(match[0].routes) if match else []

    def _node_of(self, path: str) -> "tuple[_Node, list[str]] | None":
        """The node of a path, and the values of the ``{name}`` segments."""
        return _walk(self._root, path.strip("/").split("/"), 0, [])


class _Node:
    __slots__ = ("literals", "routes", "value")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.value: _Node | None = None
        self.routes: dict[str, tuple[Route, tuple[str, ...]]] = {}


def _walk(node: _Node, segments: list[str], at: int, values: list[str]) -> tuple[_Node, list[str]] | None:
    if at == len(segments):
        return (node, values) if node.routes else None
    segment = segments[at]
    literal = node.literals.get(segment.lower())
    if literal and (match := _walk(literal, segments, at + 1, values)):
        return match
    if node.value and segment:
        return _walk(node.value, segments, at + 1, [*values, segment])
    return None
