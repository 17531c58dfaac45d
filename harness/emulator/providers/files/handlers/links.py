"""Hard links and symbolic links, which shares of NFS have.

They are links on disk, too, so a job that mounts the share sees them. The emulator follows no symbolic link: it keeps
the text, wherever that leads.
"""

import os
from collections.abc import Sequence
from dataclasses import replace as replace_data
from typing import NamedTuple
from urllib.parse import quote, unquote

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.errors import not_on_smb, too_many_links
from harness.emulator.providers.files.handlers.response_headers import Headers, changed, stamps, with_smb
from harness.emulator.providers.files.linked_records import links_key
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.places import Found, Place
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.entries import path_entry, staged_link
from harness.emulator.storage_service.file_records import of_file
from harness.emulator.storage_service.operations import Call

_TEXT_LIMIT = 2048  # bytes of the target of a symbolic link
_MOST_LINKS = 1000  # the most names of one file
_FOUND_BY = 10  # names that are recorded, to find the file in a copied data directory


class _HardLink(NamedTuple):
    """A link that may be made: the file, and the place of its new name."""

    source: Found
    place: Place

    @property
    def keys(self) -> Sequence[str]:
        """Of the file and of its new name."""
        return (self.source.place.key, self.place.key)

    @property
    def below(self) -> str:
        """Nothing."""
        return ""


class LinkHandlers:
    """Create Hard Link, Create Symbolic Link and Get Symbolic Link."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    async def create_hard_link(self, call: Call) -> Response:
        """Create Hard Link: a further name of a file."""
        async with self._shares.turns.take(lambda: self._checked(call)) as (source, place):
            answer = self._create_hard_link(call, source, place)
        return Response(201, headers=answer)

    def _checked(self, call: Call) -> _HardLink:
        """The file and the place of its new name, if the link may be made.

        Raises:
            StorageError: it may not.
        """
        place, header = self._place(call), "x-ms-file-target-file"
        if call.credential.kind == "service SAS" and call.request.query.get("sr") != "s":
            raise errors.permission_mismatch()  # a SAS for one file could read any other through a link
        text = call.request.headers.get(header)
        if text is None:
            raise errors.missing_header(header)
        target = Target("file", call.target.account, call.target.share, unquote(text).lstrip("/"))
        if not target.path:
            raise errors.invalid_header(header)
        trailing = headers.flag(call.request, "x-ms-allow-trailing-dot")
        if place.tree.entry(place.names) is not None:
            raise errors.exists()
        source = self._shares.find(self._shares.place_of(target, trailing_dots=trailing))
        if source is None:
            raise errors.not_found()
        if source.entry.is_directory or source.entry.is_link:
            raise errors.type_mismatch()
        if source.entry.links >= _MOST_LINKS:
            raise too_many_links(_MOST_LINKS)
        given = call.request.headers.get("x-ms-lease-id", "")
        leases.check(source.properties.lease, given, call.now, noun="File", change=True)
        if source.properties.copy is not None and source.properties.copy.status == "pending":
            raise errors.pending_copy()
        return _HardLink(source, place)

    def _create_hard_link(self, call: Call, source: Found, place: Place) -> Headers:
        """Give a file a further name. Its record first moves to a key of the file, under which every name finds it."""
        key = links_key(call.target.account, place.share.content, source.entry.file)
        linked = replace_data(source.entry, name=place.names[-1], links=source.entry.links + 1)
        answer = changed(Found(replace_data(place, key=key), linked, source.properties), call)
        paths = ("/".join(each.names) for each in (source.place, place))
        names = tuple(dict.fromkeys((*source.properties.names, *paths)))[:_FOUND_BY]
        with self._shares.store.transaction():
            self._shares.store.put(key, of_file(replace(source.properties, names=names), source.entry))
            self._shares.store.delete(Properties, source.place.path_key)
        tree = place.tree
        with tree.slot(source.place.names) as old, tree.slot(place.names) as new:
            if old.entry is None or old.entry.file != source.entry.file:
                raise errors.not_found()
            new.link(old)
        return answer

    async def create_symbolic_link(self, call: Call) -> Response:
        """Create Symbolic Link, whether its target exists or not."""
        text, metadata = _text(call), headers.metadata(call.request)
        async with self._shares.turns.take(lambda: self._place(call)) as place:
            if place.tree.entry(place.names) is not None:
                raise errors.exists()
            properties = with_smb(self._shares, call, place, Properties(metadata=metadata), shown=Smb())
            with staged_link(self._shares.trash.folder, text) as beside:
                now = timestamps.nanoseconds(self._shares.clock.now())
                os.utime(beside, ns=(now, now), follow_symlinks=False)
                new = Found(place, path_entry(beside, place.names[-1]), properties)
                answer = changed(new, call)
                self._shares.put_in_place(new, beside)
        return Response(201, headers=answer)

    def get_symbolic_link(self, call: Call) -> Response:
        """Get Symbolic Link: its target, as it was written."""
        found = self._shares.find(self._place(call))
        if found is None:
            raise errors.not_found()
        if not found.entry.is_link:
            raise errors.type_mismatch()
        text = found.place.tree.link_text(found.place.names)
        return Response(200, headers=[*stamps(found), ("x-ms-link-text", quote(os.fsencode(text), safe=""))])

    def _place(self, call: Call) -> Place:
        place = self._shares.place(call)
        if not is_nfs(place.share):
            raise not_on_smb()
        return place


def _text(call: Call) -> str:
    """The target of a new symbolic link.

    Raises:
        StorageError: it is missing, or cannot be a path on disk.
    """
    header = "x-ms-link-text"
    given = call.request.headers.get(header)
    if given is None:
        raise errors.missing_header(header)
    text = unquote(given, errors="surrogateescape")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise errors.invalid_header(header) from None
    if not 0 < size <= _TEXT_LIMIT or "\0" in text:
        raise errors.invalid_header(header)
    return text
