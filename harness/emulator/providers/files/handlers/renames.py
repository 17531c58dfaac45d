"""Renames of files and directories within a share."""

from collections.abc import Sequence
from dataclasses import replace as replace_place
from typing import NamedTuple

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.handlers.files import refuse_read_only
from harness.emulator.providers.files.handlers.response_headers import changed, with_smb
from harness.emulator.providers.files.moves import Moves
from harness.emulator.providers.files.places import Found, Place
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.operations import Call


class _Rename(NamedTuple):
    """A rename that is permitted: the entry, and its new place."""

    source: Found
    place: Place

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the old and the new name."""
        return (self.source.place.key, self.place.key)

    @property
    def below(self) -> str:
        """The prefix of the keys of everything in a directory."""
        return f"{self.source.place.path_key}/"


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
        """Rename Directory, with all that is in it."""
        return await self._rename(call, directory=True)

    async def _rename(self, call: Call, *, directory: bool) -> Response:
        async with self._shares.turns.take(lambda: self._checked(call, directory=directory)) as (source, place):
            target = self._renamed(call, source, place)
            answer = changed(target, call)
            self._moves.move(source, target)
        return Response(200, headers=answer)

    def _checked(self, call: Call, *, directory: bool) -> "_Rename":
        """The entry and its new place, if the rename is permitted.

        Raises:
            StorageError: it may not.
        """
        source, place = self._source(call), self._shares.place(call)
        if source.entry.is_directory != directory:
            raise errors.type_mismatch()
        if not place.names or not source.place.names:
            raise errors.invalid_uri()
        if place.names[: len(source.place.names)] == source.place.names and place.names != source.place.names:
            raise errors.invalid_uri()
        given = call.request.headers.get("x-ms-source-lease-id", "")
        leases.check(source.properties.lease, given, call.now, noun="File", change=True)
        if source.properties.copy is not None and source.properties.copy.status == "pending":
            raise errors.pending_copy()
        self._shares.handles.refuse(source.place.path_key)
        if place.key == source.place.key and place.path_key != source.place.path_key:
            raise errors.exists()  # it is another name of the same file
        if place.key != source.place.key:
            self._check_replaced(call, place)
            self._shares.handles.refuse(place.path_key)
        return _Rename(source, place)

    def _renamed(self, call: Call, source: Found, place: Place) -> Found:
        """The entry under its new name."""
        properties = with_smb(self._shares, call, place, source.properties, shown=smb.shown(source))
        properties = replace(
            properties,
            metadata=headers.metadata(call.request) or properties.metadata,
            content=properties.content | headers.content(call.request, "x-ms-"),
            renamed=place.share.epoch,
        )
        after = self._shares.touched(source, properties)
        if source.place.key == source.place.path_key:
            return Found(place.unlinked, after.entry, after.properties)
        old, new = "/".join(source.place.names), "/".join(place.names)
        names = tuple(new if name == old else name for name in after.properties.names)
        there = replace_place(place, key=source.place.key)  # the record belongs to the file, whatever its names
        return Found(there, after.entry, replace(after.properties, names=names))

    def _source(self, call: Call) -> Found:
        header = "x-ms-file-rename-source"
        url = call.request.headers.get(header)
        if url is None:
            raise errors.missing_header(header)
        named, query, scheme = self._sources.parse(url, header=header)
        target = call.target
        if (named.service, named.account, named.share) != ("file", target.account, target.share) or named.snapshot:
            raise errors.invalid_header(header)
        self._sources.authorize_rename(call, named, query, scheme)
        trailing = headers.flag(call.request, "x-ms-source-allow-trailing-dot")
        source = Target("file", target.account, target.share, named.path)
        found = self._shares.find(self._shares.place_of(source, trailing_dots=trailing))
        if found is None:
            raise errors.not_found()
        return found

    def _check_replaced(self, call: Call, place: Place) -> None:
        """Check that what is at the new place may be replaced: a file, if the request says so.

        Raises:
            StorageError: it may not.
        """
        found = self._shares.find(place)
        if found is None:
            return
        if found.entry.is_directory:
            raise errors.exists()
        if not headers.flag(call.request, "x-ms-file-rename-replace-if-exists"):
            raise errors.exists()
        if not headers.flag(call.request, "x-ms-file-rename-ignore-readonly"):
            refuse_read_only(found)
        given = call.request.headers.get("x-ms-destination-lease-id", "")
        leases.check(found.properties.lease, given, call.now, noun="File", change=True)
