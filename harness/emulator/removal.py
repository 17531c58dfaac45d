"""Deletes trees: links are not followed, and whatever a job did to permissions does not keep its files."""

import contextlib
import os
import re
import shutil
from pathlib import Path

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def holds_mounts(directory: Path) -> bool:
    """Whether a file system is mounted below a directory."""
    root = os.path.realpath(directory)
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            # The fifth field is the mount point, with blanks and backslashes in octal (man 5 proc).
            point = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), line.split()[4])
            if Path(os.fsdecode(point)).is_relative_to(root):
                return True
    return False


def remove(path: Path) -> bool:
    """Delete a file or a tree, without following links, and say whether all of it is gone."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
            if path.exists():
                _make_writable(path)
                shutil.rmtree(path)
        return True
    return not os.path.lexists(path)


def _make_writable(tree: Path) -> None:
    """Undo what a job did that took the right to write into a folder from itself."""
    tree.chmod(0o700)
    for folder, names, _ in os.walk(tree):
        for name in names:
            if not (child := Path(folder, name)).is_symlink():
                child.chmod(0o700)
