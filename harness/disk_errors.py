"""Errors of full disks."""

import errno


def is_disk_full(error: OSError) -> bool:
    """Whether a disk, or the user's quota on it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
