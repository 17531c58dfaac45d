"""The room that a share has left under its quota."""

import asyncio
import os

from harness.emulator.providers.files.paths import SharePath
from harness.emulator.providers.files.usage import used_bytes
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.accounts import Accounts

_GIB = 1 << 30
_CACHE_SIZE = 1000  # shares whose room is remembered


class Quotas:
    """Measures the usage of a share only if the share may be full, because measuring reads all of its directories.

    A share cannot exceed a quota larger than its disk, so most shares are never measured.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        # Quota (GiB) and free bytes at the last measurement, by account and content: another share may get the name.
        self._room: dict[tuple[str, str], tuple[int, int]] = {}

    async def require(self, path: SharePath, count: int) -> None:
        """Check that a share has room for ``count`` more bytes.

        Raises:
            StorageError: the quota or the disk has less room.
        """
        key, quota = (path.target.account, path.share.content), path.share.quota
        directory = self._accounts.directory("file", path.target.account, name=path.target.share)
        measured_quota, room = self._room.get(key, (0, 0))
        if measured_quota != quota or room < count:
            disk = os.statvfs(directory)
            room = disk.f_blocks * disk.f_frsize
            if quota * _GIB < room:
                room = quota * _GIB - await asyncio.to_thread(used_bytes, directory)
        if room < count:
            self._room.pop(key, None)
            raise errors.share_full()
        if len(self._room) >= _CACHE_SIZE:
            self._room.clear()
        self._room[key] = (quota, room - count)
