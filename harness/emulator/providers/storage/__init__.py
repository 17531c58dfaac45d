"""Microsoft.Storage: storage accounts, as Resource Manager creates, lists and deletes them."""

from harness.emulator.providers.storage.handlers import StorageProvider

__all__ = ["StorageProvider"]
