"""Runs the Ray of this machine's own for as long as the emulator's directory for it exists.

``python -m harness.compute.ray.keeper DIRECTORY TEMPORARY PROGRAM ARGUMENT...``: an emulator may be killed and its data
directory deleted, and nobody else would end what it had started. The temporary directory goes with the program.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PAUSE = 5.0  # seconds between two looks at the directory


def main(directory: Path, temporary: Path, argv: list[str]) -> int:
    """The exit code of the program, once its temporary directory is gone, too."""
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
        if not is_there(directory, inode):
            program.terminate()


def is_there(directory: Path, inode: int) -> bool:
    """Whether a directory exists, and is the one that had the inode."""
    try:
        return directory.stat().st_ino == inode
    except FileNotFoundError:
        return False
    except OSError:  # a file system that does not answer is no proof
        return True


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
