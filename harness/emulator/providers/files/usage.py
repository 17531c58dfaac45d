"""The disk usage of a share."""

import os
from pathlib import Path


def used_bytes(directory: Path) -> int:
    """The bytes that the files below a directory hold, without holes; a file with several names counts once.

    The function does not recurse, because a job can nest directories deeper than Python's call stack.
    """
    total, counted, pending = 0, set[int](), [os.fspath(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
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
        except OSError:  # deleted in between, not readable, or its path is too long for the system
            continue
    return total
