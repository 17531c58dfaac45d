"""Renames of files and directories within a share."""

from collections.abc import Sequence
from dataclasses import replace as replace_path
from typing import NamedTuple

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.handlers.files import refuse_read_only
from harness.emulator.providers.files.handlers.response_headers import change_headers, with_smb
from harness.emulator.providers.files.moves import Moves
from harness.emulator.providers.files.paths import ShareItem, SharePath
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.operations import Call


class _Rename(NamedTuple):
    """A permitted rename: the file or directory, and its new path."""

    source: ShareItem
    path: SharePath

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the old and the new name."""
        return (self.source.path.key, self.path.key)

    @property
    def below(self) -> str:
        """The prefix of the keys of everything in a directory."""
        return f"{self.source.path.path_key}/"


class RenameHandlers:
    """Rename File and Rename Directory."""

    def __init__(self, shares: Shares, sources: CopySources, moves: Moves) -> None:
        self._shares = shares
        self._sources = sources
        self._moves = moves

    async def file(self, call: Call) -> Response:
        """Rename File."""
        return await self._rename(call, directory=False)

    async def directory(self, call: Call) -> Response:
        """Rename Directory, with everything in it."""
        return await self._rename(call, directory=True)

    async def _rename(self, call: Call, *, directory: bool) -> Response:
        async with self._shares.turns.take(lambda: self._permitted_rename(call, directory=directory)) as (source, path):
            target = self._renamed_item(call, source, path)
            response_headers = change_headers(target, call)
            self._moves.move(source, target)
        return Response(200, headers=response_headers)

    def _permitted_rename(self, call: Call, *, directory: bool) -> "_Rename":
        """The file or directory and its new path, if the rename is permitted.

        Raises:
            StorageError: the rename is not permitted.
        """
        source, path = self._source(call), self._shares.path(call)
        if source.entry.is_directory != directory:
            raise errors.type_mismatch()
        if not path.names or not source.path.names:
            raise errors.invalid_uri()
        if path.names[: len(source.path.names)] == source.path.names and path.names != source.path.names:
            raise errors.invalid_uri()
        lease_id = call.request.headers.get("x-ms-source-lease-id", "")
        leases.check(source.properties.lease, lease_id, call.now, noun="File", change=True)
        if source.properties.copy is not None and source.properties.copy.status == "pending":
            raise errors.pending_copy()
        self._shares.handles.check_closed(source.path.path_key)
        if path.key == source.path.key and path.path_key != source.path.path_key:
            raise errors.exists()  # it is another name of the same file
        if path.key != source.path.key:
            self._check_replaced(call, path)
            self._shares.handles.check_closed(path.path_key)
        return _Rename(source, path)

    def _renamed_item(self, call: Call, source: ShareItem, path: SharePath) -> ShareItem:
        """The file or directory at its new path."""
        properties = with_smb(self._shares, call, path, source.properties, current=smb.properties(source))
        properties = replace(
            properties,
            metadata=headers.metadata(call.request) or properties.metadata,
            content=properties.content | headers.content(call.request, "x-ms-"),
            renamed=path.share.epoch,
        )
        after = self._shares.with_properties(source, properties)
        if source.path.key == source.path.path_key:
            return ShareItem(path.unlinked, after.entry, after.properties)
        old_name, new_name = "/".join(source.path.names), "/".join(path.names)
        names = tuple(new_name if name == old_name else name for name in after.properties.names)
        new_path = replace_path(path, key=source.path.key)  # the record belongs to the file, whatever its names
        return ShareItem(new_path, after.entry, replace(after.properties, names=names))

    def _source(self, call: Call) -> ShareItem:
        header = "x-ms-file-rename-source"
        url = call.request.headers.get(header)
        if url is None:
            raise errors.missing_header(header)
        old, query, scheme = self._sources.parse(url, header=header)
        target = call.target
        if (old.service, old.account, old.share) != ("file", target.account, target.share) or old.snapshot:
            raise errors.invalid_header(header)
        self._sources.authorize_rename(call, old, query, scheme)
        trailing = headers.flag(call.request, "x-ms-source-allow-trailing-dot")
        source = Target("file", target.account, target.share, old.path)
        item = self._shares.find(self._shares.path_of(source, trailing_dots=trailing))
        if item is None:
            raise errors.not_found()
        return item

    def _check_replaced(self, call: Call, path: SharePath) -> None:
        """Check that the rename may replace what exists at the new path: only a file, and only if the request says so.

        Raises:
            StorageError: it may not.
        """
        existing = self._shares.find(path)
        if existing is None:
            return
        if existing.entry.is_directory:
            raise errors.exists()
        if not headers.flag(call.request, "x-ms-file-rename-replace-if-exists"):
            raise errors.exists()
        if not headers.flag(call.request, "x-ms-file-rename-ignore-readonly"):
            refuse_read_only(existing)
        lease_id = call.request.headers.get("x-ms-destination-lease-id", "")
        leases.check(existing.properties.lease, lease_id, call.now, noun="File", change=True)
