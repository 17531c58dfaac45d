"""How much of the disk a share takes."""

import os
from pathlib import Path


def used_bytes(directory: Path) -> int:
    """The bytes that the files below a directory hold, without holes; a file with several names counts once.

    Directories may be nested deeper than Python calls functions: a job can make as many as it likes.
    """
    total, counted, pending = 0, set[int](), [os.fspath(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if status.st_nlink > 1:
                        if status.st_ino in counted:
                            continue
                        counted.add(status.st_ino)
                    total += min(status.st_size, status.st_blocks * 512)
        except OSError:  # deleted since, closed to us, or behind a path that is too long for the system
            continue
    return total
