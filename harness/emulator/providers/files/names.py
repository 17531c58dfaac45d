"""Names of shares, directories and files, as Azure allows them; pure.

Source: Microsoft's "Naming and Referencing Shares, Directories, Files, and Metadata".
"""

import re

from harness.azure_file_names import name_problem
from harness.emulator.storage_service.errors import StorageError, invalid_name

_SHARE = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_PATH = 2048  # characters
MAX_DEPTH = 250  # directories
_ON_DISK = 255  # bytes that a name may have on Linux file systems


def check_share(name: str) -> None:
    """Check the name of a share: 3 to 63 lower-case letters, digits and single hyphens.

    Raises:
        StorageError: the name is not valid.
    """
    if not _SHARE.fullmatch(name):
        raise invalid_name()


def components(path: str, *, trailing_dots: bool = False) -> list[str]:
    """Split a path into its names, and check them; the root has none.

    Args:
        path: names separated by ``/``; one at the end is ignored.
        trailing_dots: whether dots at the end of a name belong to it; otherwise they are removed, as Windows does.

    Raises:
        StorageError: a name is empty, ``.`` or ``..``, reserved, too long, or holds a character that Azure forbids.
    """
    path = path.removesuffix("/")
    if not path:
        return []
    if len(path) > _PATH:
        raise StorageError(400, "InvalidResourceName", "The specified path is longer than 2048 characters.")
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        raise StorageError(400, "InvalidResourceName", "The specified path is deeper than 250 directories.")
    return [_component(name, trailing_dots) for name in names]


def _component(name: str, trailing_dots: bool) -> str:
    stored_name = name if trailing_dots else name.rstrip(".")
    if name_problem(stored_name):
        raise invalid_name()
    if len(stored_name.encode()) > _ON_DISK:
        # Azure counts characters, Linux bytes. A name that the disk cannot store is refused, not truncated.
        raise invalid_name("The specified resource name is longer than 255 bytes in UTF-8.")
    return stored_name
