"""Environment variables in Batch AI's form: a list of names and values."""

import re

from harness.interchange.draft import literal
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def take_variables(source: Source, mounts: Mounts, *where: str | int) -> dict[str, str]:
    """The variables by name, with the paths on volumes where a scenario has them."""
    found = {}
    for item in source.items(*where):
        name, value = source.text(*item, "name") or "", source.text(*item, "value") or ""
        if _NAME.fullmatch(name):
            found[name] = literal(mounts.placed(value, source, *item, "value"))
        else:
            source.note(*item, "name", text=f"is not carried over: {name!r} is no name of a variable")
    return found
