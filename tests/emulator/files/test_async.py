"""The asynchronous SDK, over aiohttp, with every kind of operation."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.fileshare.aio import ShareClient, ShareServiceClient

from harness.emulator.endpoint import Endpoint

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")  # by the SDK

Steps = Callable[[ShareServiceClient, ShareClient, Path], Awaitable[None]]


def run_steps(storage: Endpoint, name: str, steps: Steps) -> None:
    async def run_inside_share() -> None:
        async with ShareServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service:
            share = await service.create_share(name)
            on_disk = Path(storage.directory, "storage", storage.storage_account, "file", name)
            try:
                await steps(service, share, on_disk)
            finally:
                await share.delete_share(delete_snapshots="include-leased")

    asyncio.run(run_inside_share())


def test_files_go_up_down_and_away(storage: Endpoint, share_name: str) -> None:
    async def steps(_service: ShareServiceClient, share: ShareClient, on_disk: Path) -> None:
        content = os.urandom((5 << 20) + 3)
        directory = await share.create_directory("d")
        file = await directory.upload_file("f", content, max_concurrency=3, validate_content=True)
        assert (on_disk / "d" / "f").read_bytes() == content
        assert await (await file.download_file(max_concurrency=3)).readall() == content
        await file.upload_range(b"x" * 512, 0, 512)
        await file.clear_range(0, 512)
        assert (await (await file.download_file(offset=0, length=512)).readall()) == bytes(512)
        renamed = await file.rename_file("d/g")
        assert [entry.name async for entry in directory.list_directories_and_files()] == ["g"]
        await renamed.delete_file()
        with pytest.raises(ResourceNotFoundError):
            await renamed.get_file_properties()

    run_steps(storage, share_name, steps)


def test_shares_have_snapshots_leases_and_properties(storage: Endpoint, share_name: str) -> None:
    async def steps(service: ShareServiceClient, share: ShareClient, _on_disk: Path) -> None:
        await share.set_share_metadata({"m": "1"})
        await share.set_share_quota(3)
        await share.create_snapshot()
        shares = [item async for item in service.list_shares(share_name, include_metadata=True, include_snapshots=True)]
        assert [(item.quota, item.metadata) for item in shares] == [(3, {"m": "1"})] * 2
        lease = await share.acquire_lease()
        with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
            await share.delete_share()
        await lease.release()
        assert await share.get_share_stats() == 0

    run_steps(storage, share_name, steps)


def test_copies_and_handles(storage: Endpoint, share_name: str) -> None:
    async def steps(_service: ShareServiceClient, share: ShareClient, _on_disk: Path) -> None:
        source = share.get_file_client("source")
        await source.upload_file(b"copied")
        target = share.get_file_client("target")
        assert (await target.start_copy_from_url(source.url))["copy_status"] == "success"
        assert await (await target.download_file()).readall() == b"copied"
        assert [handle async for handle in target.list_handles()] == []
        assert [byte_range.end async for byte_range in target.list_ranges()] == [5]

    run_steps(storage, share_name, steps)
