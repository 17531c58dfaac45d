"""Directories: create, delete, properties, metadata, listing."""

import asyncio
from urllib.parse import quote

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.errors import read_only_attribute
from harness.emulator.providers.files.handlers.response_headers import Headers, changed, stamps, with_smb
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.places import Found, Place, remembered
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, errors, headers, timestamps
from harness.emulator.storage_service.entries import Entry, path_entry, staged_directory
from harness.emulator.storage_service.model import entry_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_ENCODED = "2021-12-02"  # the version since which names that XML cannot hold are percent-encoded
_FIELDS = frozenset({"timestamps", "etag", "attributes", "permissionkey"})


class DirectoryHandlers:
    """Operations on one directory."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    async def create(self, call: Call) -> Response:
        """Create Directory."""
        async with self._shares.changing(call) as place:
            answer = self._create(call, place)
        return Response(201, headers=answer)

    def _create(self, call: Call, place: Place) -> Headers:
        if not place.names:
            raise errors.exists()
        properties = with_smb(
            self._shares, call, place, Properties(metadata=headers.metadata(call.request)), shown=Smb()
        )
        there = place.tree.entry(place.names)
        if there is not None and not there.is_directory:
            raise errors.type_mismatch()
        with staged_directory(self._shares.trash.folder) as beside:
            entry = path_entry(beside, place.names[-1])
            new = self._shares.touched(Found(place, entry, properties), properties)
            answer = changed(new, call)
            self._shares.put_in_place(new, beside)
        return answer

    def get(self, call: Call) -> Response:
        """Get Directory Properties, and Get Directory Metadata."""
        found = self._shares.directory(call)
        answer = [*stamps(found), *headers.metadata_headers(found.properties.metadata)]
        if call.version >= "2017-04-17":
            answer.append(("x-ms-server-encrypted", "true"))
        return Response(200, headers=[*answer, *smb.headers(found, call.version)])

    async def delete(self, call: Call) -> Response:
        """Delete Directory: it must be empty."""
        async with self._shares.changing(call) as place:
            found = self._shares.find(place)
            if found is None:
                raise errors.not_found()
            if not found.entry.is_directory:
                raise errors.type_mismatch()
            if not place.names:
                raise errors.unsupported()
            self._shares.handles.refuse(place.path_key)
            if "readonly" in found.properties.smb.attributes.lower():
                raise read_only_attribute()
            with place.tree.slot(place.names) as slot:
                slot.require(directory=True)
                slot.remove_directory()
            self._shares.forget(found)
        return Response(202)

    async def set_metadata(self, call: Call) -> Response:
        """Set Directory Metadata."""
        metadata = headers.metadata(call.request)
        async with self._shares.changing(call):
            found = self._shares.directory(call)
            after = self._shares.touched(found, replace(found.properties, metadata=metadata))
            answer = changed(after, call)[:3]
            self._shares.keep(after)
        return Response(200, headers=answer)

    async def set_properties(self, call: Call) -> Response:
        """Set Directory Properties: those of SMB."""
        async with self._shares.changing(call) as place:
            found = self._shares.directory(call)
            properties = with_smb(self._shares, call, place, found.properties, shown=smb.shown(found))
            after = self._shares.touched(found, properties)
            answer = changed(after, call)
            self._shares.keep(after)
        return Response(200, headers=answer)

    async def list_entries(self, call: Call) -> Response:
        """List Directories and Files."""
        request, query = call.request, call.request.query
        found, include = self._shares.directory(call), headers.included(call.request)
        size, place = headers.page_size(request), found.place
        prefix, first = query.get("prefix", ""), documents.marker(request)
        extended = headers.flag(request, "x-ms-file-extended-info") or bool(include & _FIELDS)
        entries, more = await asyncio.to_thread(
            place.tree.children, place.names, first=first, prefix=prefix, most=size, identified=extended
        )
        items = "".join(
            [self._item(entry, place, include, extended=extended, version=call.version) for entry in entries]
        )
        directory = f"<DirectoryId>{found.entry.inode if place.names else 0}</DirectoryId>" if extended else ""
        share = place.target
        snapshot = f' ShareSnapshot="{share.snapshot}"' if share.snapshot else ""
        return documents.answer(
            f'<EnumerationResults ServiceEndpoint="https://{share.account}.file.core.windows.net/"'
            f' ShareName="{share.share}"{snapshot} {_path("/".join(place.names), call.version)}>'
            + documents.asked(request, encoded=call.version >= _ENCODED)
            + f"{directory}<Entries>{items}</Entries>{documents.next_marker(more)}</EnumerationResults>"
        )

    def _item(self, entry: Entry, place: Place, include: frozenset[str], *, extended: bool, version: str) -> str:
        kind = "Directory" if entry.is_directory else "File"
        length = "" if entry.is_directory else f"<Content-Length>{entry.length}</Content-Length>"
        if not extended:
            return f"<{kind}>{_name(entry.name, version)}<Properties>{length}</Properties></{kind}>"
        below = self._shares.linked(replace_names(place, [*place.names, entry.name]), entry)
        found = Found(below, *remembered(entry, self._shares.store.get(Properties, below.key)))
        fields = _fields(found, include)
        shown = smb.shown(found)
        attributes = f"<Attributes>{shown.attributes}</Attributes>" if "attributes" in include else ""
        key = f"<PermissionKey>{shown.permission_key}</PermissionKey>" if "permissionkey" in include else ""
        return (
            f"<{kind}>{_name(entry.name, version)}<FileId>{entry.inode}</FileId>"
            f"<Properties>{length}{fields}</Properties>{attributes}{key}</{kind}>"
        )


def replace_names(place: Place, names: list[str]) -> Place:
    """Another path in the same share."""
    target = place.target
    return Place(target, place.share, place.tree, names, entry_key(target.account, place.share.content, names))


def _fields(found: Found, include: frozenset[str]) -> str:
    shown, fields = smb.shown(found), ""
    if "timestamps" in include:
        fields += (
            f"<CreationTime>{shown.created}</CreationTime>"
            f"<LastAccessTime>{timestamps.stamp(found.entry.accessed_ns)}</LastAccessTime>"
            f"<LastWriteTime>{shown.written}</LastWriteTime><ChangeTime>{shown.changed}</ChangeTime>"
            f"<Last-Modified>{http_date(found.entry.modified)}</Last-Modified>"
        )
    if "etag" in include:
        fields += f"<Etag>{timestamps.etag(found.entry.modified_ns).strip(chr(34))}</Etag>"
    return fields


def _name(name: str, version: str) -> str:
    return documents.named("Name", name, encoded=version >= _ENCODED)


def _path(path: str, version: str) -> str:
    """The attributes of a listing that name its directory."""
    if version >= _ENCODED and documents.needs_encoding(path):
        return f'Encoded="true" DirectoryPath="{quote(path, safe="")}"'
    return f'DirectoryPath="{documents.text(path).replace(chr(34), "&quot;")}"'
