"""The common parts of Azure Files and Blob Storage: requests, credentials, accounts, directories, files and records."""

from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.bearer import BearerAuthority
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.host import StorageHost
from harness.emulator.storage_service.model import StorageAccount
from harness.emulator.storage_service.path_style import PathStyle
from harness.emulator.storage_service.trash import Trash

__all__ = ["Accounts", "BearerAuthority", "CopySources", "PathStyle", "StorageAccount", "StorageHost", "Trash"]
