"""Directories: create, delete, properties, metadata, listing."""

import asyncio
from urllib.parse import quote

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.errors import read_only_attribute
from harness.emulator.providers.files.handlers.response_headers import Headers, change_headers, stamps, with_smb
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.paths import ShareItem, SharePath, apply_record
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, errors, headers, timestamps
from harness.emulator.storage_service.entries import Entry, path_entry, staged_directory
from harness.emulator.storage_service.model import entry_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_ENCODED = "2021-12-02"  # the first version that percent-encodes names that XML cannot hold
_FIELDS = frozenset({"timestamps", "etag", "attributes", "permissionkey"})


class DirectoryHandlers:
    """Operations on one directory."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    async def create(self, call: Call) -> Response:
        """Create Directory."""
        async with self._shares.changing(call) as path:
            response_headers = self._create(call, path)
        return Response(201, headers=response_headers)

    def _create(self, call: Call, path: SharePath) -> Headers:
        if not path.names:
            raise errors.exists()
        properties = with_smb(
            self._shares, call, path, Properties(metadata=headers.metadata(call.request)), current=Smb()
        )
        existing = path.tree.entry(path.names)
        if existing is not None and not existing.is_directory:
            raise errors.type_mismatch()
        with staged_directory(self._shares.trash.folder) as staged_path:
            entry = path_entry(staged_path, path.names[-1])
            new = self._shares.with_properties(ShareItem(path, entry, properties), properties)
            response_headers = change_headers(new, call)
            self._shares.put_in_place(new, staged_path)
        return response_headers

    def get(self, call: Call) -> Response:
        """Get Directory Properties, and Get Directory Metadata."""
        directory = self._shares.directory(call)
        response_headers = [*stamps(directory), *headers.metadata_headers(directory.properties.metadata)]
        if call.version >= "2017-04-17":
            response_headers.append(("x-ms-server-encrypted", "true"))
        return Response(200, headers=[*response_headers, *smb.headers(directory, call.version)])

    async def delete(self, call: Call) -> Response:
        """Delete Directory: it must be empty."""
        async with self._shares.changing(call) as path:
            directory = self._shares.find(path)
            if directory is None:
                raise errors.not_found()
            if not directory.entry.is_directory:
                raise errors.type_mismatch()
            if not path.names:
                raise errors.unsupported()
            self._shares.handles.check_closed(path.path_key)
            if "readonly" in directory.properties.smb.attributes.lower():
                raise read_only_attribute()
            with path.tree.slot(path.names) as slot:
                slot.require(directory=True)
                slot.remove_directory()
            self._shares.delete_record(directory)
        return Response(202)

    async def set_metadata(self, call: Call) -> Response:
        """Set Directory Metadata."""
        metadata = headers.metadata(call.request)
        async with self._shares.changing(call):
            directory = self._shares.directory(call)
            after = self._shares.with_properties(directory, replace(directory.properties, metadata=metadata))
            response_headers = change_headers(after, call)[:3]
            self._shares.put_record(after)
        return Response(200, headers=response_headers)

    async def set_properties(self, call: Call) -> Response:
        """Set Directory Properties: the SMB properties."""
        async with self._shares.changing(call) as path:
            directory = self._shares.directory(call)
            properties = with_smb(self._shares, call, path, directory.properties, current=smb.properties(directory))
            after = self._shares.with_properties(directory, properties)
            response_headers = change_headers(after, call)
            self._shares.put_record(after)
        return Response(200, headers=response_headers)

    async def list_entries(self, call: Call) -> Response:
        """List Directories and Files."""
        request, query = call.request, call.request.query
        item, include = self._shares.directory(call), headers.included(call.request)
        size, path = headers.page_size(request), item.path
        prefix, first = query.get("prefix", ""), documents.marker(request)
        extended = headers.flag(request, "x-ms-file-extended-info") or bool(include & _FIELDS)
        entries, more = await asyncio.to_thread(
            path.tree.children, path.names, first=first, prefix=prefix, most=size, identified=extended
        )
        items = "".join(
            [self._item(entry, path, include, extended=extended, version=call.version) for entry in entries]
        )
        directory = f"<DirectoryId>{item.entry.inode if path.names else 0}</DirectoryId>" if extended else ""
        share = path.target
        snapshot = f' ShareSnapshot="{share.snapshot}"' if share.snapshot else ""
        return documents.response(
            f'<EnumerationResults ServiceEndpoint="https://{share.account}.file.core.windows.net/"'
            f' ShareName="{share.share}"{snapshot} {_path("/".join(path.names), call.version)}>'
            + documents.listing_parameters(request, encoded=call.version >= _ENCODED)
            + f"{directory}<Entries>{items}</Entries>{documents.next_marker(more)}</EnumerationResults>"
        )

    def _item(self, entry: Entry, path: SharePath, include: frozenset[str], *, extended: bool, version: str) -> str:
        kind = "Directory" if entry.is_directory else "File"
        length = "" if entry.is_directory else f"<Content-Length>{entry.length}</Content-Length>"
        if not extended:
            return f"<{kind}>{_name(entry.name, version)}<Properties>{length}</Properties></{kind}>"
        child_path = self._shares.with_record_key(replace_names(path, [*path.names, entry.name]), entry)
        item = ShareItem(child_path, *apply_record(entry, self._shares.store.get(Properties, child_path.key)))
        fields = _fields(item, include)
        smb_properties = smb.properties(item)
        attributes = f"<Attributes>{smb_properties.attributes}</Attributes>" if "attributes" in include else ""
        key = f"<PermissionKey>{smb_properties.permission_key}</PermissionKey>" if "permissionkey" in include else ""
        return (
            f"<{kind}>{_name(entry.name, version)}<FileId>{entry.inode}</FileId>"
            f"<Properties>{length}{fields}</Properties>{attributes}{key}</{kind}>"
        )


def replace_names(path: SharePath, names: list[str]) -> SharePath:
    """Another path in the same share."""
    target = path.target
    return SharePath(target, path.share, path.tree, names, entry_key(target.account, path.share.content, names))


def _fields(item: ShareItem, include: frozenset[str]) -> str:
    smb_properties, fields = smb.properties(item), ""
    if "timestamps" in include:
        fields += (
            f"<CreationTime>{smb_properties.created}</CreationTime>"
            f"<LastAccessTime>{timestamps.stamp(item.entry.accessed_ns)}</LastAccessTime>"
            f"<LastWriteTime>{smb_properties.written}</LastWriteTime><ChangeTime>{smb_properties.changed}</ChangeTime>"
            f"<Last-Modified>{http_date(item.entry.modified)}</Last-Modified>"
        )
    if "etag" in include:
        fields += f"<Etag>{timestamps.etag(item.entry.modified_ns).strip(chr(34))}</Etag>"
    return fields


def _name(name: str, version: str) -> str:
    return documents.name_element("Name", name, encoded=version >= _ENCODED)


def _path(path: str, version: str) -> str:
    """The attributes of a listing that name its directory."""
    if version >= _ENCODED and documents.needs_encoding(path):
        return f'Encoded="true" DirectoryPath="{quote(path, safe="")}"'
    return f'DirectoryPath="{documents.text(path).replace(chr(34), "&quot;")}"'
