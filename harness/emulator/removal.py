"""Deletes the content of data directories without following links, and detects mounted file systems."""

import contextlib
import os
import re
from pathlib import Path

from harness.tree_removal import remove_tree

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def holds_mounts(directory: Path) -> bool:
    """Whether a file system is mounted below a directory."""
    root = os.path.realpath(directory)
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            # The fifth field is the mount point, with blanks and backslashes in octal (man 5 proc).
            point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), line.split()[4])
            if Path(os.fsdecode(point)).is_relative_to(root):
                return True
    return False


def remove(path: Path) -> bool:
    """Delete a file or a tree without following links; whether all of it was deleted."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            remove_tree(path)
        return True
    return not os.path.lexists(path)
