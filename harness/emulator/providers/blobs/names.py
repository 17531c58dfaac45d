"""Names of containers and blobs that both Azure and file systems allow; pure.

Source: Microsoft's "Naming and Referencing Containers, Blobs, and Metadata".
"""

import re

from harness.emulator.storage_service.errors import StorageError, invalid_name

_CONTAINER = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_LENGTH = 1024  # characters
_DEPTH = 254  # segments
_ON_DISK = 255  # bytes that a name may have on Linux file systems


def check_container(name: str) -> None:
    """Accept 3 to 63 lower-case letters, digits and single hyphens, and ``$web``, the container of static websites.

    Raises:
        StorageError: any other name.
    """
    if not _CONTAINER.fullmatch(name) and name != "$web":
        raise invalid_name()


def components(name: str) -> list[str]:
    """Return the names of the directories and the file on disk for a blob's name.

    Raises:
        StorageError: the name is too long, or is not a path: Azure would accept it, but a file system cannot store it.
    """
    if len(name) > _LENGTH:
        raise StorageError(400, "InvalidResourceName", "The specified name is longer than 1024 characters.")
    names = name.split("/")
    if len(names) > _DEPTH:
        raise StorageError(400, "InvalidResourceName", "The specified name has more than 254 segments.")
    for segment in names:
        if segment in ("", ".", "..") or _FORBIDDEN.search(segment):
            raise invalid_name()
        if len(segment.encode()) > _ON_DISK:
            raise invalid_name("A segment of the specified name is longer than 255 bytes in UTF-8.")
    return names
