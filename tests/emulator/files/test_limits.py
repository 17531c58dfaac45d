"""Full disks, quotas and two writers: Azure's error, no partial change, no loss."""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import ShareClient, ShareServiceClient

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator on a disk of 12 MiB."""
    mount_point = tmp_path_factory.mktemp("small")
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(mount_point)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        with launch(mount_point / "data", only="storage") as running:
            yield running
    finally:
        subprocess.run(["umount", "-l", str(mount_point)], check=True)


def test_a_full_disk_is_azures_own_refusal_and_loses_nothing(small: Endpoint) -> None:
    with ShareServiceClient.from_connection_string(small.connection_string, retry_total=0) as service:
        share = service.create_share("full")
        share.get_file_client("kept").upload_file(b"k" * 1000)
        large = share.get_file_client("large")
        with pytest.raises(HttpResponseError, match="ShareSizeLimitReached"):
            large.upload_file(b"x" * (30 << 20))
        assert share.get_file_client("kept").download_file().readall() == b"k" * 1000
        large.delete_file()
        share.get_file_client("after").upload_file(b"a" * 1000)
        assert sorted(entry.name for entry in share.list_directories_and_files()) == ["after", "kept"]


def test_a_store_on_a_full_disk_refuses_as_a_full_share_and_continues_when_there_is_room(small: Endpoint) -> None:
    with ShareServiceClient.from_connection_string(small.connection_string, retry_total=0) as service:
        share = service.create_share("store")
        file = share.get_file_client("f")
        file.create_file(1)
        room = Path(small.directory, "storage", small.storage_account, "file", "store", "by-a-job")
        fill(room)
        status = None
        for number in range(1000):
            try:
                file.set_file_metadata({"number": str(number), "long": "x" * 4000})
            except HttpResponseError as refused:
                status = (refused.status_code, refused.error_code)
                break
        assert status == (409, "ShareSizeLimitReached")
        room.unlink()
        file.set_file_metadata({"number": "last"})
        assert file.get_file_properties().metadata == {"number": "last"}


METADATA = {"long": "x" * 7500}
ACTS = 400  # more than fit into the files that SQLite has allocated


def create(share: ShareClient, number: int) -> None:
    share.get_file_client(f"created-{number}").create_file(0, metadata=METADATA)


def create_directory(share: ShareClient, number: int) -> None:
    share.create_directory(f"created-{number}", metadata=METADATA)


def rename(share: ShareClient, number: int) -> None:
    share.get_file_client(f"there-{number}").rename_file(f"created-{number}", metadata=METADATA)


@pytest.mark.parametrize("act", [create, create_directory, rename])
def test_what_a_full_disk_refuses_has_not_happened(small: Endpoint, act: Callable[[ShareClient, int], None]) -> None:
    with ShareServiceClient.from_connection_string(small.connection_string, retry_total=0) as service:
        share = service.create_share(act.__name__.replace("_", "-"))
        for number in range(ACTS):
            share.get_file_client(f"there-{number}").create_file(0, metadata={"of": str(number)})
        room = Path(small.directory, "storage", small.storage_account, "file", share.share_name, "by-a-job")
        fill(room)
        refused, error = until_refused(act, share)
        room.unlink()
        assert (error.status_code, error.error_code) == (409, "ShareSizeLimitReached")
        names = {entry.name for entry in share.list_directories_and_files()}
        moved = range(refused) if act is rename else ()
        created = {f"created-{number}" for number in range(refused)}
        remaining = {f"there-{number}" for number in range(ACTS) if number not in moved}
        assert names == created | remaining
        for number in range(refused if act is rename else 0, ACTS, 20):
            assert share.get_file_client(f"there-{number}").get_file_properties().metadata == {"of": str(number)}


def test_a_full_disk_can_be_emptied(small: Endpoint) -> None:
    with ShareServiceClient.from_connection_string(small.connection_string, retry_total=0) as service:
        share = service.create_share("emptied")
        share.create_directory("d")
        for name in ("f", "d/g"):
            share.get_file_client(name).create_file(1)
        fill(Path(small.directory, "storage", small.storage_account, "file", "emptied", "by-a-job"))
        for name in ("f", "d/g", "by-a-job"):
            share.get_file_client(name).delete_file()
        share.delete_directory("d")
        assert list(share.list_directories_and_files()) == []


def until_refused(act: Callable[[ShareClient, int], None], share: ShareClient) -> tuple[int, HttpResponseError]:
    """Act until the disk is full; returns the number of the refused act, and its error."""
    for number in range(ACTS):
        try:
            act(share, number)
        except HttpResponseError as error:
            return number, error
    pytest.fail("the disk was never full")


def fill(path: Path) -> None:
    """Fill the rest of a disk."""
    with path.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(4096)):
            pass


def test_a_quota_is_not_exceeded(share: ShareClient, on_disk: Path) -> None:
    share.set_share_quota(1)
    with (on_disk / "by-a-job").open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, (1 << 30) - 1000)
    file = share.get_file_client("f")
    file.create_file(4000)
    file.upload_range(b"x" * 500, 0, 500)
    with pytest.raises(HttpResponseError, match="ShareSizeLimitReached"):
        file.upload_range(b"x" * 4000, 0, 4000)
    (on_disk / "by-a-job").unlink()
    file.upload_range(b"x" * 4000, 0, 4000)


def test_two_writers_of_one_file_leave_each_range_whole(share: ShareClient, on_disk: Path) -> None:
    size, pieces = 1 << 20, 8
    file = share.get_file_client("f")
    file.create_file(size * pieces)
    with ThreadPoolExecutor(4) as pool:
        work = [(number, letter) for number in range(pieces) for letter in (b"a", b"b")]
        list(pool.map(lambda item: file.upload_range(item[1] * size, item[0] * size, size), work))
    content = (on_disk / "f").read_bytes()

    for number in range(pieces):
        assert content[number * size : (number + 1) * size] in (b"a" * size, b"b" * size)
    assert [(byte_range.start, byte_range.end) for byte_range in file.list_ranges()] == [(0, size * pieces - 1)]


@pytest.mark.slow
def test_memory_stays_flat_under_large_files(share: ShareClient, storage: Endpoint) -> None:
    process, size = psutil.Process(storage.pid), int(os.environ.get("HARNESS_LARGE_MIB", "256")) << 20
    idle, most = process.memory_info().rss, 0
    file = share.get_file_client("large")
    file.create_file(size)
    block = os.urandom(4 << 20)
    for first in range(0, size, len(block)):
        file.upload_range(block, first, len(block))
        most = max(most, process.memory_info().rss)
    for chunk in file.download_file(max_concurrency=2).chunks():
        most = max(most, process.memory_info().rss)
        assert chunk

    assert most - idle < 100 << 20
