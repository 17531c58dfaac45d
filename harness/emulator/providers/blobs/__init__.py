"""Blob storage: containers are directories of plain files, which jobs mount; block blobs only."""

from harness.emulator.providers.blobs.provider import AzureBlobs

__all__ = ["AzureBlobs"]
