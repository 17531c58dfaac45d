"""Snapshots of shares: copies of the directory, with its holes, and of the records."""

import uuid
from contextlib import closing
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.directory_copy import copy_directory
from harness.emulator.providers.files.errors import share_not_found
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.paths import apply_record
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import headers, timestamps
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import bind, valid_record
from harness.emulator.storage_service.model import Lease, Share, entry_key, new_content, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.wire import etag, http_date

_BATCH = 500  # entries that a thread copies before their records are copied


class SnapshotHandlers:
    """Snapshot Share."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._pending: set[str] = set()  # names of the snapshots that are being taken

    async def create(self, call: Call) -> Response:
        """Snapshot Share.

        Each file is copied as it is at that moment. A write during the snapshot counts as later than the snapshot.

        Raises:
            StorageError: the share does not exist, or was deleted while it was copied.
        """
        await self._shares.wait_for_changes(call.target)  # writes that have begun count as earlier than the snapshot
        share, account = self._shares.share(call.target), call.target.account
        self._shares.put_share(call.target, replace(share, epoch=share.epoch + 1))
        stamp = self._free_stamp(call)
        name = f"{share.name}@{stamp}"
        metadata = headers.metadata(call.request) or share.metadata
        snapshot = replace(
            share, snapshot=stamp, metadata=metadata, lease=Lease(), changed=call.now, content=new_content()
        )
        staged_path = self._shares.trash.folder / uuid.uuid4().hex
        self._pending.add(name)
        try:
            await self._copy(account, share, snapshot, staged_path)
            if self._shares.share(call.target).content != share.content:
                raise share_not_found()  # the share was deleted, and another one has its name
            with self._shares.roots.moving_in(account, name, staged_path) as directory:
                self._shares.store.put(share_key(account, name), replace(snapshot, directory=directory))
        except BaseException:
            self._shares.delete_content(account, snapshot.content)
            self._shares.trash.discard(staged_path)
            raise
        finally:
            self._pending.discard(name)
        response_headers = [
            ("x-ms-snapshot", stamp),
            ("etag", etag(share.changed)),
            ("last-modified", http_date(share.changed)),
        ]
        return Response(201, headers=response_headers)

    async def _copy(self, account: str, share: Share, snapshot: Share, staged_path: Path) -> None:
        """Copy the directory of a share and, in batches, the valid records of its files and directories."""
        store = self._shares.store
        source_prefix, target_prefix = (entry_key(account, root.content, [""]) for root in (share, snapshot))
        store.copy_all(Permission, source_prefix, target_prefix)
        with closing(
            copy_directory(self._shares.roots.path(account, share.name), staged_path, links=is_nfs(share))
        ) as entries:
            while batch := await in_thread(lambda: list(islice(entries, _BATCH))):
                with store.transaction():
                    for names, source, copy in batch:
                        self._copy_record(account, share, snapshot, names, source=source, copy=copy)

    def _copy_record(
        self, account: str, share: Share, snapshot: Share, names: list[str], *, source: Entry, copy: Entry
    ) -> None:
        """Store the record of a copy, if the record of its source is valid."""
        store = self._shares.store
        record = store.get(Properties, self._shares.record_key(account, share, names, source))
        if valid_record(record, source) is not None:
            _, properties = apply_record(source, record)
            store.put(entry_key(account, snapshot.content, names), bind(replace(properties, names=()), copy))

    def _free_stamp(self, call: Call) -> str:
        moment = timestamps.nanoseconds(call.now)
        while True:
            stamp = timestamps.stamp(moment)
            name = f"{call.target.share}@{stamp}"
            if name not in self._pending and not self._shares.store.get(Share, share_key(call.target.account, name)):
                return stamp
            moment += 100
