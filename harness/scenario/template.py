"""``{name}`` in any field of a scenario, with ``{{`` and ``}}`` for the braces themselves."""

import re
from collections.abc import Mapping
from typing import Any

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill(text: str, values: Mapping[str, Any]) -> Any:
    """The text with parameters put in; a text that is one parameter only becomes its value, type kept.

    Raises:
        KeyError: the text names a parameter that ``values`` does not have.
    """
    whole = _PART.fullmatch(text)
    if whole and whole[1]:
        return values[whole[1]]
    return _PART.sub(lambda part: str(values[part[1]]) if part[1] else part[0][0], text)
