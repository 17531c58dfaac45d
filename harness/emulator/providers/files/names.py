"""Names of shares, directories and files, as Azure allows them; pure.

Source: Microsoft's "Naming and Referencing Shares, Directories, Files, and Metadata".
"""

import re

from harness.emulator.providers.storage.errors import StorageError, invalid_name

_SHARE = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*")
_FORBIDDEN = re.compile(r'["\\/:|<>*?\x00-\x1f\x7f]')
_COMPONENT = 255  # characters
_PATH = 2048  # characters
_ON_DISK = 255  # bytes that a name may have on Linux file systems


def check_share(name: str) -> None:
    """3 to 63 lower-case letters, digits and single hyphens.

    Raises:
        StorageError: any other name.
    """
    if not _SHARE.fullmatch(name):
        raise invalid_name()


def components(path: str) -> list[str]:
    """The names along a path, checked; empty for the root.

    Raises:
        StorageError: a name is empty, ``.`` or ``..``, too long, or holds a character that Azure forbids.
    """
    if not path:
        return []
    if len(path) > _PATH:
        raise StorageError(400, "InvalidResourceName", "The specified path is longer than 2048 characters.")
    names = path.split("/")
    for name in names:
        if not name or name in (".", "..") or len(name) > _COMPONENT or _FORBIDDEN.search(name):
            raise invalid_name()
        if len(name.encode()) > _ON_DISK:
            # Azure counts characters, Linux bytes: what cannot be kept is refused, not cut.
            raise invalid_name("The specified resource name is longer than 255 bytes in UTF-8.")
    return names
