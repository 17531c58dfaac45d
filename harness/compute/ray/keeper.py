"""Runs a local Ray cluster for as long as the emulator's directory for it exists.

``python -m harness.compute.ray.keeper DIRECTORY TEMPORARY PROGRAM ARGUMENT...``: if an emulator is killed and its data
directory deleted, no other process would end the cluster. The temporary directory is deleted with the cluster.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PAUSE = 5.0  # seconds between two checks of the directory


def main(directory: Path, temporary: Path, argv: list[str]) -> int:
    """Run the program and then delete its temporary directory; return its exit code."""
    try:
        return _run(directory, argv)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _run(directory: Path, argv: list[str]) -> int:
    inode = directory.stat().st_ino
    program = subprocess.Popen(argv)
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return program.wait(PAUSE)
        if not is_same_directory(directory, inode):
            program.terminate()


def is_same_directory(directory: Path, inode: int) -> bool:
    """Whether a directory exists and has the inode."""
    try:
        return directory.stat().st_ino == inode
    except FileNotFoundError:
        return False
    except OSError:  # a file system that does not respond is no proof of deletion
        return True


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
