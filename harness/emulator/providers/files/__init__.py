"""Azure Files: shares are directories of plain files, which jobs mount."""

from harness.emulator.providers.files.provider import AzureFiles

__all__ = ["AzureFiles"]
