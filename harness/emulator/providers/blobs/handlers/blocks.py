"""Block blobs block by block: stage, commit, list."""

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
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, Written
from harness.emulator.providers.blobs.handlers.pieces import Pieces
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Block
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import bodies, documents, errors, headers, leases, sparse
from harness.emulator.storage_service.entries import close, staged
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.threads import in_thread

_BLOCK_LIMITS = (("2019-12-12", 4000 << 20), ("2016-05-31", 100 << 20), ("", 4 << 20))  # bytes, since a version
_ID_LIMIT = 64  # bytes of an id
_BLOCKS = 50_000  # of a blob
_LIST_LIMIT = 16 << 20  # bytes of a block list: 50,000 ids of 64 bytes, in base64 and tags


class BlockHandlers:
    """Operations on the blocks of one blob. Uncommitted blocks are files outside the container."""

    def __init__(self, containers: Containers, blobs: BlobHandlers, history: History, pieces: Pieces) -> None:
        self._containers = containers
        self._history = history
        self._blobs = blobs
        self._pieces = pieces

    async def put(self, call: Call) -> Response:
        """Put Block, or Put Block From URL."""
        request = call.request
        if bodies.length(request) is None:
            raise errors.missing_length()
        name = _file_name(request.query.get("blockid"))
        self._folder(call, name)
        with staged(self._containers.trash.folder) as (descriptor, beside):
            if "x-ms-copy-source" in request.headers:
                with self._pieces.open(call) as source:
                    checksums = await self._pieces.receive(call, source, descriptor, limit=_block_limit(call))
            else:
                _, checksums = await bodies.receive(request, descriptor, limit=_block_limit(call))
            # Again: the container may have been deleted, and another request may have staged the first block.
            folder = self._folder(call, name)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.rename(folder / name)
        return Response(201, headers=[*checksums.confirmed(request), *encrypted(call)])

    def _folder(self, call: Call, name: str) -> Path:
        """The directory for the uncommitted blocks of a blob.

        Raises:
            StorageError: the blob is no block blob or has a lease, or its other blocks have longer or shorter ids.
        """
        place = self._containers.place(call.target)
        found = self._containers.find(place)
        if found is not None and found.blob.kind != "BlockBlob":
            raise invalid_blob_type()
        if found is not None:
            given = call.request.headers.get("x-ms-lease-id", "")
            leases.check(found.blob.lease, given, call.now, noun="Blob", change=True)
        folder = self._containers.staged_blocks(place, found)
        _check_length(folder, name)
        return folder

    async def commit(self, call: Call) -> Response:
        """Put Block List."""
        place = self._containers.place(call.target)
        body = await bodies.gather(call.request, limit=_LIST_LIMIT)
        before = self._containers.find(place)
        self._containers.admit_write(call, before)
        if before is not None and before.entry.is_directory:
            raise errors.type_mismatch()
        if before is not None and before.blob.kind != "BlockBlob":
            raise invalid_blob_type()
        wanted, folder = _block_list(b"".join(body.parts)), self._containers.staged_blocks(place, before)
        parts = _located(wanted, folder, before)
        blocks = tuple(Block(block, size) for (_, block), (_, _, size) in zip(wanted, parts, strict=True))
        with staged(self._containers.trash.folder) as (descriptor, beside), _opened(before) as committed:
            await in_thread(_assemble, parts, committed, descriptor)
            async with self._containers.changing(call) as place:
                before = self._containers.find(place)
                self._containers.admit_write(call, before)  # again, because copying took time
                content_md5 = headers.kept_md5(call.request, "x-ms-blob-content-md5")
                blob = self._blobs.fresh(call, before, content_md5=content_md5)
                blob = replace(blob, content=headers.content(call.request, "x-ms-blob-"), blocks=blocks)
                shown = self._blobs.publish(Written(place, before, blob), descriptor, beside)
        return Response(201, headers=[*shown, *bodies.confirmed(call.request), *encrypted(call)])

    def get(self, call: Call) -> Response:
        """Get Block List, of a snapshot or a version, too."""
        found = self._history.find(call.target)
        if found is not None:
            self._containers.admit(call, found, change=False)
            if found.blob.kind != "BlockBlob":
                raise invalid_blob_type()
        staged_blocks = self._staged(call, found)
        if found is None and not staged_blocks:
            raise blob_not_found()
        kind = call.request.query.get("blocklisttype", "committed").lower()
        if kind not in ("committed", "uncommitted", "all"):
            raise errors.invalid_query("blocklisttype")
        text, shown = "", []
        if kind != "uncommitted":
            text += f"<CommittedBlocks>{_blocks(found.blob.blocks if found else ())}</CommittedBlocks>"
        if kind != "committed":
            text += f"<UncommittedBlocks>{_blocks(staged_blocks)}</UncommittedBlocks>"
        if found is not None:
            shown = [*stamps(found), ("x-ms-blob-content-length", str(found.entry.length))]
        return documents.answer(f"<BlockList>{text}</BlockList>", headers=shown)

    def _staged(self, call: Call, found: Found | None) -> list[Block]:
        """The uncommitted blocks; of an earlier state there are none."""
        if call.target.snapshot or call.target.version:
            return []
        return _uncommitted(self._containers.staged_blocks(self._containers.place(call.target), found))


def _block_limit(call: Call) -> int:
    """The most bytes of one block, by the version of the REST API."""
    return next(limit for since, limit in _BLOCK_LIMITS if call.version >= since)


def _file_name(block: str | None) -> str:
    """The name of an uncommitted block's file: its id, which is base64, in hexadecimal.

    Raises:
        StorageError: the id is missing, or no base64 of at most 64 bytes.
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
        StorageError: it is.
    """
    try:
        with os.scandir(folder) as found:
            other = next(found, None)
    except FileNotFoundError:
        return
    if other is not None and _id_length(other.name) != _id_length(name):
        raise block_of_another_length()


def _id_length(file_name: str) -> int:
    """Bytes of the id of an uncommitted block."""
    return len(base64.b64decode(bytes.fromhex(file_name)))


def _uncommitted(folder: Path) -> list[Block]:
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    return [Block(bytes.fromhex(file.name).decode(), file.stat().st_size) for file in files]


def _block_list(body: bytes) -> list[tuple[str, str]]:
    """Tag and id of each block of a list."""
    found = [(each.tag, (each.text or "").strip()) for each in documents.parse(body, "BlockList")]
    if len(found) > _BLOCKS:
        raise errors.StorageError(400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")
    if not {tag for tag, _ in found} <= {"Latest", "Committed", "Uncommitted"}:
        raise errors.invalid_document()
    return found


Part = tuple[Path | None, int, int]  # a file, or None for the blob as it is; first byte; size


def _located(wanted: list[tuple[str, str]], folder: Path, before: Found | None) -> list[Part]:
    """The source of the bytes of each block in a list.

    Raises:
        StorageError: there is no such block.
    """
    committed: dict[str, tuple[int, int]] = {}
    at = 0
    for block in before.blob.blocks if before else ():
        committed[block.id] = (at, block.size)
        at += block.size
    parts: list[Part] = []
    for tag, name in wanted:
        file = folder / _file_name(name)
        if tag != "Committed" and file.exists():
            parts.append((file, 0, file.stat().st_size))
        elif tag != "Uncommitted" and name in committed:
            parts.append((None, *committed[name]))
        else:
            raise invalid_block_list()
    return parts


@contextmanager
def _opened(blob: Found | None) -> Iterator[int]:
    """A descriptor of the present file of a blob, which stays valid if the file is replaced; -1 if there is no blob."""
    if blob is None:
        yield -1
        return
    with blob.place.tree.open_file(blob.place.names, os.O_RDONLY) as descriptor:
        yield descriptor


def _assemble(parts: list[Part], committed: int, descriptor: int) -> None:
    at = 0
    for file, first, size in parts:
        source = os.dup(committed) if file is None else os.open(file, os.O_RDONLY)
        try:
            sparse.copy(source, descriptor, first=first, count=size, to=at)
        finally:
            close(source)
        at += size
    os.truncate(descriptor, at)


def _blocks(blocks: tuple[Block, ...] | list[Block]) -> str:
    return "".join(
        f"<Block><Name>{documents.text(block.id)}</Name><Size>{block.size}</Size></Block>" for block in blocks
    )
