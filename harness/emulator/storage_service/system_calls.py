"""Linux system calls that Python does not provide: statx and renameat2."""

import ctypes
import errno
import os
import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000  # AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH
_BASIC_AND_BIRTH, _BIRTH = 0xFFF, 0x800  # STATX_BASIC_STATS | STATX_BTIME, STATX_BTIME
_STATX = struct.Struct("=I12xI8xH2xQQ16x" + "qI4x" * 4 + "8xII")  # the part of struct statx that is used here
_SECOND = 1_000_000_000  # ns
_NO_REPLACE, _EXCHANGE = 1, 2  # RENAME_NOREPLACE, RENAME_EXCHANGE
HERE = -100  # AT_FDCWD: the name is a path
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_libc = ctypes.CDLL(None, use_errno=True)
_Buffer = ctypes.c_char * 256
_call_statx = _libc.statx
_call_statx.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Status(NamedTuple):
    """The status of a file. Times are in ns since 1970; ``birth`` is 0 on file systems without birth times."""

    mode: int
    inode: int
    length: int
    accessed: int
    birth: int
    changed: int
    modified: int
    links: int


def status_at(parent: int, name: str) -> Status:
    """The status of a name in an open directory; links are not followed.

    Raises:
        OSError: the name does not exist or cannot be read.
    """
    return _statx(parent, os.fsencode(name), _NO_FOLLOW)


def status_of(descriptor: int) -> Status:
    """The status of an open file or directory."""
    return _statx(descriptor, b"", _EMPTY_PATH)


def rename_to_new(source: Path, parent: int, name: str) -> None:
    """Rename a file or directory to a name in an open directory, unless the name exists.

    Args:
        parent: the descriptor of the directory, or ``HERE``.

    Raises:
        FileExistsError: the name exists.
    """
    result = _libc.renameat2(HERE, os.fsencode(source), parent, os.fsencode(name), _NO_REPLACE)
    if result == 0:
        return
    number = ctypes.get_errno()
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number), name)
    # This file system can only replace. A file that another program creates between the two steps is lost.
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, name, dst_dir_fd=parent)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def exchange(parent: int, name: str, other_parent: int, other_name: str) -> None:
    """Swap the entries of two names in open directories, atomically."""
    if _libc.renameat2(parent, os.fsencode(name), other_parent, os.fsencode(other_name), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def _statx(parent: int, name: bytes, flags: int) -> Status:
    buffer = _Buffer()
    if _call_statx(parent, name, flags, _BASIC_AND_BIRTH, buffer):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(name))
    mask, links, mode, inode, length, a, a_ns, b, b_ns, c, c_ns, m, m_ns, major, minor = _STATX.unpack_from(buffer)
    birth = b * _SECOND + b_ns if mask & _BIRTH and _keeps_birth(major, minor) else 0
    return Status(mode, inode, length, a * _SECOND + a_ns, birth, c * _SECOND + c_ns, m * _SECOND + m_ns, links)


@lru_cache(maxsize=64)
def _keeps_birth(major: int, minor: int) -> bool:
    """Whether the files of a device keep their birth times.

    Overlay file systems (those of containers) do not: a file of a lower layer gets a new one when it is first written.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    fields = (line.split() for line in mounts.splitlines())
    return not any(mount[2] == f"{major}:{minor}" and "overlay" in mount[mount.index("-") :] for mount in fields)
