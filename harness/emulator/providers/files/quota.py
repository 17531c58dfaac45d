"""Whether a share still has room under its quota."""

import asyncio
import os

from harness.emulator.providers.files.places import Place
from harness.emulator.providers.files.usage import used_bytes
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.accounts import Accounts

_GIB = 1 << 30
_MEASURED = 1000  # shares whose room is remembered


class Quotas:
    """Measures the usage of a share only when it may be full, since that reads all of its directories.

    A share cannot exceed a quota larger than its disk, so most are never measured at all.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        # Quota (GiB) and bytes left when last measured, by account and content: another share may get the same name.
        self._room: dict[tuple[str, str], tuple[int, int]] = {}

    async def require(self, place: Place, count: int) -> None:
        """Make sure that a share has room for some more bytes.

        Raises:
            StorageError: there is not that much left of its quota.
        """
        key, quota = (place.target.account, place.share.content), place.share.quota
        directory = self._accounts.directory("file", place.target.account, name=place.target.share)
        known, room = self._room.get(key, (0, 0))
        if known != quota or room < count:
            disk = os.statvfs(directory)
            room = disk.f_blocks * disk.f_frsize
            if quota * _GIB < room:
                room = quota * _GIB - await asyncio.to_thread(used_bytes, directory)
        if room < count:
            self._room.pop(key, None)
            raise errors.share_full()
        if len(self._room) >= _MEASURED:
            self._room.clear()
        self._room[key] = (quota, room - count)
