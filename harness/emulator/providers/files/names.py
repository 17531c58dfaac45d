"""Names of shares, directories and files, as Azure allows them; pure.

Source: Microsoft's "Naming and Referencing Shares, Directories, Files, and Metadata".
"""

import re

from harness.azure_file_names import name_problem
from harness.emulator.storage_service.errors import StorageError, invalid_name

_SHARE = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_PATH = 2048  # characters
MOST_DEPTH = 250  # directories
_ON_DISK = 255  # bytes that a name may have on Linux file systems


def check_share(name: str) -> None:
    """3 to 63 lower-case letters, digits and single hyphens.

    Raises:
        StorageError: any other name.
    """
    if not _SHARE.fullmatch(name):
        raise invalid_name()


def components(path: str, *, trailing_dots: bool = False) -> list[str]:
    """The names along a path, checked; empty for the root.

    Args:
        path: with ``/``; one at the end does not count.
        trailing_dots: dots at the end of a name are part of it; otherwise they are cut off, as Windows does.

    Raises:
        StorageError: a name is empty, ``.`` or ``..``, reserved, too long, or holds a character that Azure forbids.
    """
    path = path.removesuffix("/")
    if not path:
        return []
    if len(path) > _PATH:
        raise StorageError(400, "InvalidResourceName", "The specified path is longer than 2048 characters.")
    names = path.split("/")
    if len(names) > MOST_DEPTH:
        raise StorageError(400, "InvalidResourceName", "The specified path is deeper than 250 directories.")
    return [_component(name, trailing_dots) for name in names]


def _component(name: str, trailing_dots: bool) -> str:
    kept = name if trailing_dots else name.rstrip(".")
    if name_problem(kept):
        raise invalid_name()
    if len(kept.encode()) > _ON_DISK:
        # Azure counts characters, Linux bytes: what cannot be kept is refused, not cut.
        raise invalid_name("The specified resource name is longer than 255 bytes in UTF-8.")
    return kept
