"""The asynchronous SDK, over aiohttp, on blobs of each type and on copies."""

import asyncio
import os

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient

from harness.emulator.endpoint import Endpoint
from tests.emulator.blobs.conftest import SOON


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")  # by the SDK
def test_blobs_of_each_type_are_written_read_and_copied(storage: Endpoint) -> None:
    token = generate_container_sas(
        storage.storage_account,
        "async",
        account_key=storage.storage_key,
        permission=ContainerSasPermissions(read=True),
        expiry=SOON,
    )
    content = os.urandom(3 << 20)

    async def use_blobs() -> None:
        async with BlobServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service:
            container = await service.create_container("async")
            for kind in ("BlockBlob", "AppendBlob", "PageBlob"):
                blob = container.get_blob_client(kind)
                await blob.upload_blob(content, blob_type=kind, max_concurrency=3)
                assert await (await blob.download_blob(max_concurrency=3)).readall() == content
                copy = container.get_blob_client(f"copies/{kind}")
                assert (await copy.start_copy_from_url(blob.url))["copy_status"] == "success"
                assert (await copy.get_blob_properties()).blob_type == kind
                again = container.get_blob_client(f"at once/{kind}")
                await again.upload_blob_from_url(f"{blob.url}?{token}")
                assert await (await again.download_blob()).readall() == content
            log, disk = container.get_blob_client("AppendBlob"), container.get_blob_client("PageBlob")
            assert (await log.append_block(b"more"))["blob_append_offset"] == str(3 << 20)
            await disk.clear_page(0, 1 << 20)
            page_ranges = [(page_range.start, page_range.end) async for page_range in disk.list_page_ranges()]
            assert page_ranges == [(1 << 20, (3 << 20) - 1)]

    asyncio.run(use_blobs())
