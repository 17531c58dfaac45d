"""Azure's actions, such as ``read``, of requests to Resource Manager; pure.

Source: "Azure resource provider operations" in Microsoft's documentation: a resource type followed by ``read``,
``write`` or ``delete``, or for a POST by the name of its operation and ``action``.
"""

from collections.abc import Sequence

from harness.emulator.text_cache import text_cache

_ENDINGS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def action_of(method: str, path: str) -> str:
    """The action of a request; empty if every signed-in caller may send it."""
    types = _types_of(path)
    return f"{types}/{_ENDINGS.get(method, 'action')}" if types else ""


@text_cache
def _types_of(path: str) -> str:
    """The resource types that a path names, the outermost first; empty if every signed-in caller may use it."""
    segments = [segment for segment in path.split("/") if segment]
    lower = [segment.lower() for segment in segments]
    index = _namespace_index(lower)
    if index and index < len(segments):
        types = segments[index + 1 :: 2]
        return "/".join([segments[index], *types]) if types else "Microsoft.Resources/subscriptions/providers"
    if lower[:1] != ["subscriptions"] or len(segments) == 1:
        return ""
    return "/".join(["Microsoft.Resources/subscriptions", *segments[2::2]])


def _namespace_index(lower: Sequence[str]) -> int:
    """The index of a provider's namespace among the segments of a path; 0 if the path has none."""
    if lower[:1] == ["providers"]:
        return 1
    below_group = 4 if lower[2:3] == ["resourcegroups"] else 2
    return below_group + 1 if lower[below_group : below_group + 1] == ["providers"] else 0
