"""Blob storage as a host of the emulator."""

from harness.clock import Clock
from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.containers import Containers, check_target
from harness.emulator.providers.blobs.earlier import EarlierBlob
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.providers.blobs.public_access import PublicAccess
from harness.emulator.providers.blobs.recovery import recover
from harness.emulator.providers.blobs.routes import UNSERVED, UNSERVED_HEADERS, UNSERVED_PARAMETERS, operations
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.copy_sources import CopySources, Source
from harness.emulator.storage_service.host import StorageHost
from harness.emulator.storage_service.model import Container, share_key
from harness.emulator.storage_service.trash import Trash
from harness.emulator.store import Store


class AzureBlobs(StorageHost):
    """Plays ``{account}.blob.core.windows.net`` for every storage account."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash, sources: CopySources) -> None:
        self._containers = containers = Containers(accounts, store=store, clock=clock, trash=trash)
        self._history = History(containers)
        recover(containers, accounts)
        public = PublicAccess(accounts, store)
        super().__init__(
            "blob",
            operations(containers, accounts, sources, history=self._history, public=public, service=self),
            unserved=UNSERVED,
            unserved_headers=UNSERVED_HEADERS,
            unserved_parameters=UNSERVED_PARAMETERS,
            accounts=accounts,
            authority=sources.authority,
            clock=clock,
            policies=containers.policies,
            check_target=check_target,
            public_access=public.of,
        )
        sources.add("blob", self._open, lambda target: lambda: containers.policies(target), public.of)

    def forget(self, account: str) -> None:
        """Delete the records of every container of an account, and of all blobs in them."""
        store = self._containers.store
        for kind in (Container, Blob, Folder, EarlierBlob):
            store.delete_all(kind, share_key(account, ""))

    def _open(self, target: Target, _trailing_dots: bool) -> Source:
        check_target(target)
        blob = self._history.find(target)
        if blob is None or blob.entry.is_directory:
            raise blob_not_found()
        tiers.check_online(blob.record, self._containers.clock.now(), access="read")
        descriptor, length = self._history.files.open(blob)
        record = blob.record
        return Source(
            descriptor,
            length,
            record.metadata,
            record.content,
            record.content_md5,
            blob=record,
            etag=blob.etag,
            modified=blob.entry.modified,
        )
