"""Azure's actions, such as ``read``, of requests to Resource Manager; pure.

Source: "Azure resource provider operations" in Microsoft's documentation: a resource type followed by ``read``,
``write`` or ``delete``, or for a POST by the name of its operation and ``action``.
"""

from collections.abc import Sequence

from harness.emulator.text_cache import text_cache

_ENDINGS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def action_of(method: str, path: str) -> str:
    """The action of a request; empty where everybody who has signed in may send it."""
    types = _types_of(path)
    return f"{types}/{_ENDINGS.get(method, 'action')}" if types else ""


@text_cache
def _types_of(path: str) -> str:
    """The types of resource that a path names, from the outermost on; empty where everybody may use it."""
    words = [word for word in path.split("/") if word]
    lower = [word.lower() for word in words]
    at = _place_of_namespace(lower)
    if at and at < len(words):
        types = words[at + 1 :: 2]
        return "/".join([words[at], *types]) if types else "Microsoft.Resources/subscriptions/providers"
    if lower[:1] != ["subscriptions"] or len(words) == 1:
        return ""
    return "/".join(["Microsoft.Resources/subscriptions", *words[2::2]])


def _place_of_namespace(lower: Sequence[str]) -> int:
    """Where in a path the namespace of a provider is; 0 where it has none."""
    if lower[:1] == ["providers"]:
        return 1
    below_group = 4 if lower[2:3] == ["resourcegroups"] else 2
    return below_group + 1 if lower[below_group : below_group + 1] == ["providers"] else 0
