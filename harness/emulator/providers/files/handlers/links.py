"""Hard links and symbolic links, which only NFS shares have.

They are links on disk, too, so a job that mounts the share sees them. The emulator follows no symbolic link: it only
stores the target.
"""

import os
from collections.abc import Sequence
from dataclasses import replace as replace_data
from typing import NamedTuple
from urllib.parse import quote, unquote

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.errors import not_on_smb, too_many_links
from harness.emulator.providers.files.handlers.response_headers import Headers, change_headers, stamps, with_smb
from harness.emulator.providers.files.linked_records import links_key
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.paths import ShareItem, SharePath
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.entries import path_entry, staged_link
from harness.emulator.storage_service.file_records import bind
from harness.emulator.storage_service.operations import Call

_TEXT_LIMIT = 2048  # bytes of the target of a symbolic link
_MAX_LINKS = 1000  # names of one file
_MAX_RECORDED_NAMES = 10  # names recorded to find the file in a copied data directory


class _HardLink(NamedTuple):
    """A permitted hard link: the file, and the path of its new name."""

    source: ShareItem
    path: SharePath

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the file and of its new name."""
        return (self.source.path.key, self.path.key)

    @property
    def below(self) -> str:
        """Empty: a link claims no directory."""
        return ""


class LinkHandlers:
    """Create Hard Link, Create Symbolic Link and Get Symbolic Link."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    async def create_hard_link(self, call: Call) -> Response:
        """Create Hard Link: give a file another name."""
        async with self._shares.turns.take(lambda: self._permitted_link(call)) as (source, path):
            response_headers = self._create_hard_link(call, source, path)
        return Response(201, headers=response_headers)

    def _permitted_link(self, call: Call) -> _HardLink:
        """The file and the path of its new name, if the link is permitted.

        Raises:
            StorageError: the link is not permitted.
        """
        path, header = self._nfs_path(call), "x-ms-file-target-file"
        if call.credential.kind == "service SAS" and call.request.query.get("sr") != "s":
            raise errors.permission_mismatch()  # a SAS for one file could read any other through a link
        text = call.request.headers.get(header)
        if text is None:
            raise errors.missing_header(header)
        target = Target("file", call.target.account, call.target.share, unquote(text).lstrip("/"))
        if not target.path:
            raise errors.invalid_header(header)
        trailing = headers.flag(call.request, "x-ms-allow-trailing-dot")
        if path.tree.entry(path.names) is not None:
            raise errors.exists()
        source = self._shares.find(self._shares.path_of(target, trailing_dots=trailing))
        if source is None:
            raise errors.not_found()
        if source.entry.is_directory or source.entry.is_link:
            raise errors.type_mismatch()
        if source.entry.links >= _MAX_LINKS:
            raise too_many_links(_MAX_LINKS)
        lease_id = call.request.headers.get("x-ms-lease-id", "")
        leases.check(source.properties.lease, lease_id, call.now, noun="File", change=True)
        if source.properties.copy is not None and source.properties.copy.status == "pending":
            raise errors.pending_copy()
        return _HardLink(source, path)

    def _create_hard_link(self, call: Call, source: ShareItem, path: SharePath) -> Headers:
        """Give a file another name. First its record moves to the key of the file, where all names find it."""
        key = links_key(call.target.account, path.share.content, source.entry.file)
        linked = replace_data(source.entry, name=path.names[-1], links=source.entry.links + 1)
        response_headers = change_headers(ShareItem(replace_data(path, key=key), linked, source.properties), call)
        paths = ("/".join(linked_path.names) for linked_path in (source.path, path))
        names = tuple(dict.fromkeys((*source.properties.names, *paths)))[:_MAX_RECORDED_NAMES]
        with self._shares.store.transaction():
            self._shares.store.put(key, bind(replace(source.properties, names=names), source.entry))
            self._shares.store.delete(Properties, source.path.path_key)
        tree = path.tree
        with tree.slot(source.path.names) as old, tree.slot(path.names) as new:
            if old.entry is None or old.entry.file != source.entry.file:
                raise errors.not_found()
            new.link(old)
        return response_headers

    async def create_symbolic_link(self, call: Call) -> Response:
        """Create Symbolic Link, whether its target exists or not."""
        text, metadata = _text(call), headers.metadata(call.request)
        async with self._shares.turns.take(lambda: self._nfs_path(call)) as path:
            if path.tree.entry(path.names) is not None:
                raise errors.exists()
            properties = with_smb(self._shares, call, path, Properties(metadata=metadata), current=Smb())
            with staged_link(self._shares.trash.folder, text) as staged_path:
                now = timestamps.nanoseconds(self._shares.clock.now())
                os.utime(staged_path, ns=(now, now), follow_symlinks=False)
                new = ShareItem(path, path_entry(staged_path, path.names[-1]), properties)
                response_headers = change_headers(new, call)
                self._shares.put_in_place(new, staged_path)
        return Response(201, headers=response_headers)

    def get_symbolic_link(self, call: Call) -> Response:
        """Get Symbolic Link: the target as it was written."""
        item = self._shares.find(self._nfs_path(call))
        if item is None:
            raise errors.not_found()
        if not item.entry.is_link:
            raise errors.type_mismatch()
        text = item.path.tree.link_text(item.path.names)
        return Response(200, headers=[*stamps(item), ("x-ms-link-text", quote(os.fsencode(text), safe=""))])

    def _nfs_path(self, call: Call) -> SharePath:
        path = self._shares.path(call)
        if not is_nfs(path.share):
            raise not_on_smb()
        return path


def _text(call: Call) -> str:
    """The target of a new symbolic link.

    Raises:
        StorageError: it is missing, or cannot be a path on disk.
    """
    header = "x-ms-link-text"
    value = call.request.headers.get(header)
    if value is None:
        raise errors.missing_header(header)
    text = unquote(value, errors="surrogateescape")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise errors.invalid_header(header) from None
    if not 0 < size <= _TEXT_LIMIT or "\0" in text:
        raise errors.invalid_header(header)
    return text
