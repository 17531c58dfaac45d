"""Blocks of block blobs: stage, commit, list."""

import base64
import binascii
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import (
    blob_not_found,
    block_of_another_length,
    invalid_blob_type,
    invalid_block_list,
)
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, BlobWrite
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.handlers.source_reader import SourceReader
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Block
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import bodies, documents, errors, headers, leases, sparse
from harness.emulator.storage_service.entries import close, staged
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.threads import in_thread

_BLOCK_LIMITS = (("2019-12-12", 4000 << 20), ("2016-05-31", 100 << 20), ("", 4 << 20))  # bytes, since a version
_ID_LIMIT = 64  # bytes of an id
_BLOCKS = 50_000  # of a blob
_LIST_LIMIT = 16 << 20  # bytes of a block list: 50,000 ids of 64 bytes, in base64 and tags


class BlockHandlers:
    """Operations on the blocks of one blob. Uncommitted blocks are files outside of the container."""

    def __init__(
        self, containers: Containers, blobs: BlobHandlers, history: History, source_reader: SourceReader
    ) -> None:
        self._containers = containers
        self._history = history
        self._blobs = blobs
        self._source_reader = source_reader

    async def put(self, call: Call) -> Response:
        """Put Block, or Put Block From URL."""
        request = call.request
        if bodies.length(request) is None:
            raise errors.missing_length()
        name = _file_name(request.query.get("blockid"))
        self._folder(call, name)
        with staged(self._containers.trash.folder) as (descriptor, temporary):
            if "x-ms-copy-source" in request.headers:
                with self._source_reader.open(call) as source:
                    checksums = await self._source_reader.receive(call, source, descriptor, limit=_block_limit(call))
            else:
                _, checksums = await bodies.receive(request, descriptor, limit=_block_limit(call))
            # Again: the container may have been deleted, and another request may have staged the first block.
            folder = self._folder(call, name)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.rename(folder / name)
        return Response(201, headers=[*checksums.checksum_headers(request), *encrypted(call)])

    def _folder(self, call: Call, name: str) -> Path:
        """Return the directory for the uncommitted blocks of a blob.

        Raises:
            StorageError: the blob is not a block blob, or has a lease, or its other blocks have longer or shorter ids.
        """
        path = self._containers.path(call.target)
        blob = self._containers.find(path)
        if blob is not None and blob.record.kind != "BlockBlob":
            raise invalid_blob_type()
        if blob is not None:
            lease_id = call.request.headers.get("x-ms-lease-id", "")
            leases.check(blob.record.lease, lease_id, call.now, noun="Blob", change=True)
        folder = self._containers.clean_blocks_directory(path, blob)
        _check_length(folder, name)
        return folder

    async def commit(self, call: Call) -> Response:
        """Put Block List."""
        path = self._containers.path(call.target)
        body = await bodies.gather(call.request, limit=_LIST_LIMIT)
        before = self._containers.find(path)
        self._containers.admit_write(call, before)
        if before is not None and before.entry.is_directory:
            raise errors.type_mismatch()
        if before is not None and before.record.kind != "BlockBlob":
            raise invalid_blob_type()
        block_list, folder = _block_list(b"".join(body.parts)), self._containers.clean_blocks_directory(path, before)
        parts = _find_parts(block_list, folder, before)
        blocks = tuple(Block(block, size) for (_, block), (_, _, size) in zip(block_list, parts, strict=True))
        with staged(self._containers.trash.folder) as (descriptor, temporary), _opened(before) as committed:
            await in_thread(_assemble, parts, committed, descriptor)
            async with self._containers.changing(call) as path:
                before = self._containers.find(path)
                self._containers.admit_write(call, before)  # again, because copying took time
                content_md5 = headers.stored_md5(call.request, "x-ms-blob-content-md5")
                record = self._blobs.new_record(call, before, content_md5=content_md5)
                record = replace(record, content=headers.content(call.request, "x-ms-blob-"), blocks=blocks)
                fields = self._blobs.publish(BlobWrite(path, before, record), descriptor, temporary)
        return Response(201, headers=[*fields, *bodies.checksum_headers(call.request), *encrypted(call)])

    def get(self, call: Call) -> Response:
        """Get Block List, also of a snapshot or a version."""
        blob = self._history.find(call.target)
        if blob is not None:
            self._containers.admit(call, blob, change=False)
            if blob.record.kind != "BlockBlob":
                raise invalid_blob_type()
        staged_blocks = self._staged_blocks(call, blob)
        if blob is None and not staged_blocks:
            raise blob_not_found()
        kind = call.request.query.get("blocklisttype", "committed").lower()
        if kind not in ("committed", "uncommitted", "all"):
            raise errors.invalid_query("blocklisttype")
        text, fields = "", []
        if kind != "uncommitted":
            text += f"<CommittedBlocks>{_blocks(blob.record.blocks if blob else ())}</CommittedBlocks>"
        if kind != "committed":
            text += f"<UncommittedBlocks>{_blocks(staged_blocks)}</UncommittedBlocks>"
        if blob is not None:
            fields = [*stamps(blob), ("x-ms-blob-content-length", str(blob.entry.length))]
        return documents.response(f"<BlockList>{text}</BlockList>", headers=fields)

    def _staged_blocks(self, call: Call, blob: StoredBlob | None) -> list[Block]:
        """Return the uncommitted blocks; an earlier state has none."""
        if call.target.snapshot or call.target.version:
            return []
        return _uncommitted(self._containers.clean_blocks_directory(self._containers.path(call.target), blob))


def _block_limit(call: Call) -> int:
    """Return the limit for the bytes of one block, by the version of the REST API."""
    return next(limit for since, limit in _BLOCK_LIMITS if call.version >= since)


def _file_name(block: str | None) -> str:
    """Return the name of an uncommitted block's file: its base64 id in hexadecimal.

    Raises:
        StorageError: the id is missing, or is not base64 of at most 64 bytes.
    """
    if block is None:
        raise errors.missing_query("blockid")
    try:
        if not 1 <= len(base64.b64decode(block, validate=True)) <= _ID_LIMIT:
            raise errors.invalid_query("blockid")
    except (binascii.Error, ValueError):
        raise errors.invalid_query("blockid") from None
    return block.encode().hex()


def _check_length(folder: Path, name: str) -> None:
    """Refuse the id of a block that is longer or shorter than those of the other uncommitted blocks.

    Raises:
        StorageError: the length differs.
    """
    try:
        with os.scandir(folder) as files:
            other = next(files, None)
    except FileNotFoundError:
        return
    if other is not None and _id_length(other.name) != _id_length(name):
        raise block_of_another_length()


def _id_length(file_name: str) -> int:
    """Return the number of bytes in the id of an uncommitted block."""
    return len(base64.b64decode(bytes.fromhex(file_name)))


def _uncommitted(folder: Path) -> list[Block]:
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    return [Block(bytes.fromhex(file.name).decode(), file.stat().st_size) for file in files]


def _block_list(body: bytes) -> list[tuple[str, str]]:
    """Return tag and id of each block of a list."""
    blocks = [(element.tag, (element.text or "").strip()) for element in documents.parse(body, "BlockList")]
    if len(blocks) > _BLOCKS:
        raise errors.StorageError(400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")
    if not {tag for tag, _ in blocks} <= {"Latest", "Committed", "Uncommitted"}:
        raise errors.invalid_document()
    return blocks


Part = tuple[Path | None, int, int]  # a file, or None for the blob as it is; first byte; size


def _find_parts(block_list: list[tuple[str, str]], folder: Path, before: StoredBlob | None) -> list[Part]:
    """Return the source of the bytes of each block in a list.

    Raises:
        StorageError: a block does not exist.
    """
    committed: dict[str, tuple[int, int]] = {}
    offset = 0
    for block in before.record.blocks if before else ():
        committed[block.id] = (offset, block.size)
        offset += block.size
    parts: list[Part] = []
    for tag, name in block_list:
        file = folder / _file_name(name)
        if tag != "Committed" and file.exists():
            parts.append((file, 0, file.stat().st_size))
        elif tag != "Uncommitted" and name in committed:
            parts.append((None, *committed[name]))
        else:
            raise invalid_block_list()
    return parts


@contextmanager
def _opened(blob: StoredBlob | None) -> Iterator[int]:
    """Yield a descriptor of a blob's current file, valid even if the file is replaced; -1 if there is no blob."""
    if blob is None:
        yield -1
        return
    with blob.path.tree.open_file(blob.path.names, os.O_RDONLY) as descriptor:
        yield descriptor


def _assemble(parts: list[Part], committed: int, descriptor: int) -> None:
    offset = 0
    for file, first, size in parts:
        source = os.dup(committed) if file is None else os.open(file, os.O_RDONLY)
        try:
            sparse.copy(source, descriptor, first=first, count=size, to=offset)
        finally:
            close(source)
        offset += size
    os.truncate(descriptor, offset)


def _blocks(blocks: tuple[Block, ...] | list[Block]) -> str:
    return "".join(
        f"<Block><Name>{documents.text(block.id)}</Name><Size>{block.size}</Size></Block>" for block in blocks
    )
