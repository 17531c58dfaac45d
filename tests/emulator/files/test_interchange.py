"""The same bytes through either SDK and through the directory that jobs mount."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.file import FileService
from azure.storage.fileshare import ShareClient
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint

# Characters that Azure, XML and a file system allow in a name.
ALLOWED = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"], exclude_characters='"\\/:|<>*?'
)
RESERVED = re.compile(r"(lpt\d|com\d|prn|aux|nul|con|clock\$)", re.IGNORECASE)
NAMES = st.text(ALLOWED, min_size=1, max_size=20).filter(
    lambda name: name.rstrip(". ") == name.strip() == name and not RESERVED.fullmatch(name)
)
CONTENTS = st.binary(max_size=3000) | st.builds(os.urandom, st.integers(60_000, 200_000))
TREES = st.dictionaries(st.tuples(NAMES) | st.tuples(NAMES, NAMES), CONTENTS, max_size=5)

EXAMPLES = 100 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 10


@pytest.fixture
def connection(storage: Endpoint) -> str:
    """Return the connection string of an account with another name: the SDK of 2019 refuses the development account."""
    return storage.connection_string_of("other", "c2VjcmV0")


@pytest.fixture
def old(connection: str) -> FileService:
    """The SDK of 2019."""
    return FileService(connection_string=connection)


@pytest.fixture
def share(connection: str, share_name: str) -> Iterator[ShareClient]:
    with ShareClient.from_connection_string(connection, share_name) as share_client:
        share_client.create_share()
        yield share_client
        share_client.delete_share()


@pytest.fixture
def on_disk(storage: Endpoint, share: ShareClient) -> Path:
    """The directory of the share, which jobs mount."""
    return Path(storage.directory, "storage", "other", "file", share.share_name)


def plain(tree: dict[tuple[str, ...], bytes]) -> dict[tuple[str, ...], bytes]:
    """A tree without entries that cannot exist together: names that differ only in casing, a file below a file."""
    files: dict[str, tuple[tuple[str, ...], bytes]] = {}
    for path, content in sorted(tree.items(), key=lambda item: len(item[0])):
        key = "/".join(path).casefold()
        if key not in files and not (len(path) > 1 and path[0].casefold() in {k.split("/")[0] for k in files}):
            files[key] = (path, content)
    return dict(files.values())


@settings(max_examples=EXAMPLES)
@given(tree=TREES)
def test_what_one_writes_all_others_read(
    share: ShareClient, old: FileService, on_disk: Path, tree: dict[tuple[str, ...], bytes]
) -> None:
    for number, (path, content) in enumerate(plain(tree).items()):
        *above, name = path
        directory = above[0] if above else None
        if directory:
            share.get_directory_client(directory).exists() or share.create_directory(directory)
        file = share.get_file_client("/".join(path))
        if number % 3 == 0:
            file.upload_file(content)
        elif number % 3 == 1:
            old.create_file_from_bytes(share.share_name, directory, name, content)
        else:
            on_disk.joinpath(*path).write_bytes(content)

        assert on_disk.joinpath(*path).read_bytes() == content
        assert file.download_file().readall() == content
        assert old.get_file_to_bytes(share.share_name, directory, name).content == content
        assert name in [entry.name for entry in share.list_directories_and_files(directory)]
        assert name in [entry.name for entry in old.list_directories_and_files(share.share_name, directory)]
        assert file.get_file_properties().size == len(content)
        file.delete_file()
        if directory:
            share.delete_directory(directory)
    assert list(on_disk.iterdir()) == []


WRITES = st.lists(st.tuples(st.integers(0, 9_999), st.integers(1, 4_000), st.booleans(), st.booleans()), max_size=12)


@settings(max_examples=EXAMPLES)
@given(writes=WRITES)
def test_ranges_are_as_in_memory_for_every_writer(
    share: ShareClient, on_disk: Path, writes: list[tuple[int, int, bool, bool]]
) -> None:
    size = 14_000
    expected, file = bytearray(size), share.get_file_client("ranges")
    file.create_file(size)
    for number, (first, count, clear, job) in enumerate(writes):
        body = bytes(count) if clear else bytes([number % 255 + 1]) * count
        expected[first : first + count] = body
        if job:
            with (on_disk / "ranges").open("r+b") as stream:
                stream.seek(first)
                stream.write(body)
        elif clear:
            file.clear_range(first // 512 * 512, 512)
            expected[first // 512 * 512 : first // 512 * 512 + 512] = bytes(512)
            file.upload_range(body, first, count)
        else:
            file.upload_range(body, first, count)

    assert (on_disk / "ranges").read_bytes() == expected
    assert file.download_file().readall() == expected
    outside = bytearray(expected)
    for byte_range in file.list_ranges():
        outside[byte_range.start : byte_range.end + 1] = bytes(byte_range.end + 1 - byte_range.start)
    assert not any(outside), "a byte that is not zero lies in no range"
