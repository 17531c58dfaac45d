"""Blob storage: containers are directories of plain files, which jobs mount."""

from harness.emulator.providers.blobs.provider import AzureBlobs

__all__ = ["AzureBlobs"]
