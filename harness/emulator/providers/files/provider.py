"""Azure Files as a host of the emulator."""

import os

from harness.clock import Clock
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.recovery import recover
from harness.emulator.providers.files.routes import SNAPSHOT_WRITES, UNSERVED, operations
from harness.emulator.providers.files.shares import Shares, check_target
from harness.emulator.storage_service import errors, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.copy_sources import CopySources, Source
from harness.emulator.storage_service.host import StorageHost
from harness.emulator.storage_service.model import DeletedShare, Share, entry_key, share_key
from harness.emulator.storage_service.trash import Trash
from harness.emulator.store import Store


class AzureFiles(StorageHost):
    """Plays ``{account}.file.core.windows.net`` for every storage account."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash, sources: CopySources) -> None:
        self._shares = shares = Shares(accounts, store=store, clock=clock, trash=trash)
        recover(shares, accounts)
        super().__init__(
            "file",
            operations(shares, accounts, sources),
            unserved=UNSERVED,
            snapshot_writes=SNAPSHOT_WRITES,
            accounts=accounts,
            authority=sources.authority,
            clock=clock,
            policies=shares.policies,
            check_target=check_target,
        )
        sources.add("file", self._open, lambda target: lambda: shares.policies(target))

    def forget(self, account: str) -> None:
        """Delete the records of an account's shares, deleted shares included, and of all files in them."""
        store = self._shares.store
        for kind in (Share, DeletedShare):
            store.delete_all(kind, share_key(account, ""))
        for record_kind in (Properties, Permission):
            store.delete_all(record_kind, entry_key(account, "", []))
        self._shares.handles.forget(account, "")

    def _open(self, target: Target, trailing_dots: bool) -> Source:
        check_target(target)
        file = self._shares.find(self._shares.path_of(target, trailing_dots=trailing_dots))
        if file is None or file.entry.is_directory:
            raise errors.not_found()
        descriptor = file.path.tree.descriptor(file.path.names, os.O_RDONLY)
        properties = file.properties
        return Source(
            descriptor,
            os.fstat(descriptor).st_size,
            properties.metadata,
            properties.content,
            properties.content_md5,
            smb.properties(file),
            properties.nfs,
            etag=timestamps.etag(file.entry.modified_ns),
            modified=file.entry.modified,
        )
