"""Environment variables in Batch AI's form: a list of names and values."""

import re

from harness.interchange.draft import literal
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def read_variables(source: Source, mounts: Mounts, *where: str | int) -> dict[str, str]:
    """Return the variables by name, with translated paths on volumes."""
    variables = {}
    for item in source.items(*where):
        name, value = source.text(*item, "name") or "", source.text(*item, "value") or ""
        if _NAME.fullmatch(name):
            variables[name] = literal(mounts.translate(value, source, *item, "value"))
        else:
            source.note(*item, "name", text=f"is not imported: {name!r} is not a name of a variable")
    return variables
