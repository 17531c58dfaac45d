"""Renames of files and directories within a share."""

import os

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.handlers.answers import again, changed, with_smb
from harness.emulator.providers.files.handlers.files import refuse_read_only
from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.shares import Found, Place, Shares
from harness.emulator.providers.storage import errors, headers, leases
from harness.emulator.providers.storage.access import Target
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.sources import Sources


class RenameHandlers:
    """Rename File and Rename Directory."""

    def __init__(self, shares: Shares, sources: Sources) -> None:
        self._shares = shares
        self._sources = sources

    def file(self, call: Call) -> Response:
        """Rename File."""
        return self._rename(call, directory=False)

    def directory(self, call: Call) -> Response:
        """Rename Directory, with all that is in it."""
        return self._rename(call, directory=True)

    def _rename(self, call: Call, *, directory: bool) -> Response:
        source, place = self._source(call), self._shares.place(call)
        if source.entry.is_directory != directory:
            raise errors.type_mismatch()
        if not place.names or not source.place.names:
            raise errors.invalid_uri()
        if place.names[: len(source.place.names)] == source.place.names and place.names != source.place.names:
            raise errors.invalid_uri()
        given = call.request.headers.get
        leases.check(source.properties.lease, given("x-ms-source-lease-id", ""), call.now, noun="File", change=True)
        if place.key != source.place.key:
            self._check_replaced(call, place)
        properties = with_smb(self._shares, call, place, source.properties, shown=smb.shown(source))
        content = headers.content(call.request, "x-ms-")
        metadata = headers.metadata(call.request)
        properties = replace(
            properties,
            metadata=metadata or properties.metadata,
            content=properties.content | content,
            renamed=place.share.epoch,
        )
        source.place.tree.rename(source.place.names, place.names)
        state = self._shares.touch_directory(place) if directory else self._stamp(place)
        self._move_records(source.place, place, replace(properties, state=state), directory=directory)
        return Response(200, headers=changed(again(self._shares, place), call))

    def _stamp(self, place: Place) -> tuple[int, int]:
        with place.tree.open_file(place.names, os.O_RDONLY) as descriptor:
            return self._shares.stamp(descriptor)

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

    def _move_records(self, source: Place, place: Place, properties: Properties, *, directory: bool) -> None:
        with self._shares.store.transaction():
            self._shares.forget(source)
            if directory:
                self._shares.store.delete_all(Properties, f"{place.key}/")  # of what a job deleted
                self._shares.store.copy_all(Properties, f"{source.key}/", f"{place.key}/")
                self._shares.store.delete_all(Properties, f"{source.key}/")
            self._shares.keep(place, properties)
