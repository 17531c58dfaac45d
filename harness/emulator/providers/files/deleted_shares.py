"""Deleted shares that can be restored: set aside, restored, and deleted for good once their days are over."""

from contextlib import ExitStack
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.providers.files.errors import share_exists, share_not_found
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.model import DeletedShare, Lease, Share, share_key

_MOST = 10  # deleted shares of an account that are kept: they take room on a small disk


class DeletedShares:
    """Keeps deleted shares for some days."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._store = shares.store

    def retire(self, account: str, share: Share, snapshots: list[Share], *, now: datetime, days: int) -> None:
        """Set a deleted share aside, to be restored within some days, and delete its snapshots for good.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        version = self._free_version(account, share.name, now)
        place = f"{share.name}!{version}"
        names = [f"{share.name}@{snapshot.snapshot}" for snapshot in snapshots]
        with ExitStack() as moved:
            for name in names:
                moved.enter_context(self._shares.roots.removing(account, name))
            moved.enter_context(self._shares.roots.moving(account, share.name, place))
            with self._store.transaction():
                for name in (share.name, *names):
                    self._store.delete(Share, share_key(account, name))
                self._store.put(share_key(account, place), DeletedShare(share, version, now, days))
        self._shares.handles.forget(account, share.content)
        for snapshot in snapshots:
            self._shares.forget_content(account, snapshot.content)

    def restore(self, account: str, name: str, version: str, *, to: str, now: datetime) -> Share:
        """Restore a deleted share.

        Args:
            name: its name.
            version: which of the deleted shares of that name it is.
            to: the name that it gets.

        Returns:
            The restored share.

        Raises:
            StorageError: there is no such deleted share, its days are over, or the new name is taken.
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        place = f"{name}!{version}"
        deleted = self._store.get(DeletedShare, share_key(account, place))
        if deleted is None or not deleted.days_left(now):
            raise share_not_found()
        if self._store.get(Share, share_key(account, to)):
            raise share_exists()
        share = replace(deleted.share, name=to, changed=now, lease=Lease())
        with self._shares.roots.moving(account, place, to), self._store.transaction():
            self._store.delete(DeletedShare, share_key(account, place))
            self._store.put(share_key(account, to), share)
        return share

    def delete_expired(self, account: str, now: datetime) -> None:
        """Delete for good the shares of an account whose days are over, and the oldest where there are too many.

        Where the disk refuses, a share stays until the next deletion in the account or the next start.
        """
        kept = sorted(self._store.list(DeletedShare, share_key(account, "")), key=lambda found: found[1].deleted)
        for number, (key, deleted) in enumerate(kept):
            if number < len(kept) - _MOST or not deleted.days_left(now):
                with best_effort(f"the deleted share {deleted.share.name} could not be deleted for good"):
                    self._delete(account, key, deleted)

    def delete_all_expired(self, now: datetime) -> None:
        """``delete_expired`` for every account, at the start of the emulator."""
        for account in {key.partition("/")[0] for key, _ in self._store.list(DeletedShare)}:
            self.delete_expired(account, now)

    def _delete(self, account: str, key: str, deleted: DeletedShare) -> None:
        with self._shares.roots.removing(account, key.partition("/")[2]):
            self._store.delete(DeletedShare, key)
        self._shares.forget_content(account, deleted.share.content)

    def _free_version(self, account: str, name: str, now: datetime) -> str:
        """The time of a deletion as Azure writes it, or the next one that no share of the name has."""
        number = timestamps.nanoseconds(now) // 100
        while self._store.get(DeletedShare, share_key(account, f"{name}!{number:016X}")):
            number += 1
        return f"{number:016X}"
