"""Public access: the blobs that anonymous requests may read, by the settings of container and account.

Source: Microsoft's "Configure anonymous read access for containers and blobs".
"""

from harness.emulator.storage_service.access import AccessLevel, Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Container, share_key
from harness.emulator.store import Store


class PublicAccess:
    """The public access of containers."""

    def __init__(self, accounts: Accounts, store: Store) -> None:
        self._accounts = accounts
        self._store = store

    def of(self, target: Target) -> AccessLevel:
        """Return the public access of a target's container."""
        container = self._store.get(Container, share_key(target.account, target.share))
        if container is None or not container.access:
            return ""
        self.check_allowed(target.account)
        return "container" if container.access == "container" else "blob"

    def check_allowed(self, account: str) -> None:
        """Refuse public access in an account that forbids it.

        Raises:
            StorageError: the account forbids it.
        """
        record = self._accounts.get(account)
        if record is not None and record.public_blobs is False:
            text = "Public access is not permitted on this storage account."
            raise StorageError(409, "PublicAccessNotPermitted", text)
