"""The names of files and directories that Azure Files allows.

Source: Microsoft's "Naming and Referencing Shares, Directories, Files, and Metadata".
"""

import re

_FORBIDDEN = re.compile(r'["\\/:|<>*?\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_RESERVED = re.compile(r"(?i:lpt[1-9]|com[1-9]|prn|aux|nul|con|clock\$)", re.ASCII)
_MAX_NAME = 255  # characters


def name_problem(name: str) -> str | None:
    """Say why a file or a directory cannot have a name; None if it can."""
    if name in ("", ".", ".."):
        return "is not a name"
    if match := _FORBIDDEN.search(name):
        return f"contains {match[0]!r}, which Azure Files forbids"
    if _RESERVED.fullmatch(name):
        return "is reserved by Azure Files"
    return f"is longer than {_MAX_NAME} characters" if len(name) > _MAX_NAME else None
