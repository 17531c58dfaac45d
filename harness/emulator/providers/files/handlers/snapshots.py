"""Snapshots of shares: a copy of the directory, holes as holes, and of the records."""

import asyncio
import os
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.shares import Shares
from harness.emulator.providers.storage import headers, moments, sparse
from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.model import Lease, Share, share_key
from harness.emulator.wire import etag, http_date


class SnapshotHandlers:
    """Snapshot Share."""

    def __init__(self, shares: Shares, accounts: Accounts) -> None:
        self._shares = shares
        self._accounts = accounts

    async def create(self, call: Call) -> Response:
        """Snapshot Share.

        Each file is copied as it is when its turn comes; what is written meanwhile counts as later.
        """
        share, account = self._shares.share(call.target), call.target.account
        self._shares.keep_share(call.target, replace(share, epoch=share.epoch + 1))
        stamp = self._free_stamp(call)
        place = f"{share.name}@{stamp}"
        source = self._accounts.directory("file", account, name=share.name)
        beside = self._shares.trash.folder / f"{account}-{place}"
        self._shares.copy_records(account, share.name, place)
        try:
            await asyncio.to_thread(_copy_directory, source, beside)
            beside.rename(self._accounts.directory("file", account, name=place))
        except BaseException:
            self._shares.remove(account, place)
            self._shares.trash.take(beside)
            raise
        metadata = headers.metadata(call.request) or share.metadata
        taken = replace(share, snapshot=stamp, metadata=metadata, lease=Lease(), changed=call.now)
        self._shares.store.put(share_key(account, place), taken)
        answer = [("x-ms-snapshot", stamp), ("etag", etag(share.changed)), ("last-modified", http_date(share.changed))]
        return Response(201, headers=answer)

    def _free_stamp(self, call: Call) -> str:
        moment = moments.nanoseconds(call.now)
        while True:
            stamp = moments.stamp(moment)
            if self._shares.store.get(Share, share_key(call.target.account, f"{call.target.share}@{stamp}")) is None:
                return stamp
            moment += 100


def _copy_directory(source: Path, target: Path) -> None:
    """Copy files and directories with their times; links and devices are left out, and what goes meanwhile."""
    target.mkdir(mode=0o777)
    with os.scandir(source) as found:
        for each in found:
            beside = target / each.name
            try:
                if each.is_dir(follow_symlinks=False):
                    _copy_directory(Path(each.path), beside)
                elif each.is_file(follow_symlinks=False):
                    _copy_file(Path(each.path), beside)
            except FileNotFoundError:
                continue


def _copy_file(source: Path, target: Path) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(reading)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            os.truncate(writing, status.st_size)
            sparse.copy(reading, writing, count=status.st_size)
            os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(writing)
    finally:
        os.close(reading)
