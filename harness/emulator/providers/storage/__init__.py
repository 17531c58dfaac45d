"""Storage accounts, and what the storage services share: addresses, signatures, errors, trees of files."""

from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.handlers import StorageProvider
from harness.emulator.providers.storage.host import PathStyle, StorageHost
from harness.emulator.providers.storage.model import StorageAccount
from harness.emulator.providers.storage.sources import Sources
from harness.emulator.providers.storage.trash import Trash

__all__ = ["Accounts", "PathStyle", "Sources", "StorageAccount", "StorageHost", "StorageProvider", "Trash"]
