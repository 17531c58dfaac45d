"""Soft-deleted shares: kept for some days, restored on request, and then deleted permanently."""

from contextlib import ExitStack
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.providers.files.errors import share_exists, share_not_found
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.model import DeletedShare, Lease, Share, share_key

_MAX_DELETED_SHARES = 10  # in one account, because deleted shares take disk space


class DeletedShares:
    """Keeps deleted shares for some days."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._store = shares.store

    def retire(self, account: str, share: Share, snapshots: list[Share], *, now: datetime, days: int) -> None:
        """Keep a deleted share for some days, and delete its snapshots permanently.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        version = self._free_version(account, share.name, now)
        directory_name = f"{share.name}!{version}"
        names = [f"{share.name}@{snapshot.snapshot}" for snapshot in snapshots]
        with ExitStack() as moved:
            for name in names:
                moved.enter_context(self._shares.roots.removing(account, name))
            moved.enter_context(self._shares.roots.moving(account, share.name, directory_name))
            with self._store.transaction():
                for name in (share.name, *names):
                    self._store.delete(Share, share_key(account, name))
                self._store.put(share_key(account, directory_name), DeletedShare(share, version, now, days))
        self._shares.handles.forget(account, share.content)
        for snapshot in snapshots:
            self._shares.delete_content(account, snapshot.content)

    def restore(self, account: str, name: str, version: str, *, new_name: str, now: datetime) -> Share:
        """Restore a deleted share.

        Args:
            name: the name that the share had.
            version: identifies one of the deleted shares of that name.
            new_name: the name that the share gets.

        Returns:
            The restored share.

        Raises:
            StorageError: there is no such deleted share, its retention has ended, or the new name exists.
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        directory_name = f"{name}!{version}"
        deleted = self._store.get(DeletedShare, share_key(account, directory_name))
        if deleted is None or not deleted.days_left(now):
            raise share_not_found()
        if self._store.get(Share, share_key(account, new_name)):
            raise share_exists()
        share = replace(deleted.share, name=new_name, changed=now, lease=Lease())
        with self._shares.roots.moving(account, directory_name, new_name), self._store.transaction():
            self._store.delete(DeletedShare, share_key(account, directory_name))
            self._store.put(share_key(account, new_name), share)
        return share

    def delete_expired(self, account: str, now: datetime) -> None:
        """Delete permanently the shares of an account whose retention has ended, and the oldest ones above the limit.

        If the disk refuses, a share stays until the next deletion in the account or the next start.
        """
        records = sorted(self._store.list(DeletedShare, share_key(account, "")), key=lambda record: record[1].deleted)
        for number, (key, deleted) in enumerate(records):
            if number < len(records) - _MAX_DELETED_SHARES or not deleted.days_left(now):
                with best_effort(f"the deleted share {deleted.share.name} could not be deleted permanently"):
                    self._delete(account, key, deleted)

    def delete_all_expired(self, now: datetime) -> None:
        """``delete_expired`` for every account, at the start of the emulator."""
        for account in {key.partition("/")[0] for key, _ in self._store.list(DeletedShare)}:
            self.delete_expired(account, now)

    def _delete(self, account: str, key: str, deleted: DeletedShare) -> None:
        with self._shares.roots.removing(account, key.partition("/")[2]):
            self._store.delete(DeletedShare, key)
        self._shares.delete_content(account, deleted.share.content)

    def _free_version(self, account: str, name: str, now: datetime) -> str:
        """The time of a deletion as Azure writes it, or the next value that no deleted share of the name has."""
        number = timestamps.nanoseconds(now) // 100
        while self._store.get(DeletedShare, share_key(account, f"{name}!{number:016X}")):
            number += 1
        return f"{number:016X}"
