"""Handles: an extra request of the emulator opens them; they are listed and closed as at Azure."""

from harness.emulator.context import Response
from harness.emulator.providers.files.open_handles import Handle, Opener
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, errors, headers
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_RIGHTS = ("Read", "Write", "Delete")
_NAME_LIMIT = 255  # characters of a client's name
_ID_DIGITS = 20
_ENCODED = "2021-12-02"  # the first version that percent-encodes names that XML cannot hold
_SHOWS_RIGHTS = "2023-01-03"  # the first version whose lists show access rights
_SHOWS_CLIENT = "2024-05-04"  # the first version whose lists name the client


class HandleHandlers:
    """Open Handle, which only the emulator has; List Handles and Force Close Handles."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def open(self, call: Call) -> Response:
        """Open Handle, as a client that mounts the share would. The handle stays open until Force Close Handles."""
        item = self._item(call)
        path = item.path
        handle = self._shares.handles.open(
            path.path_key,
            "/".join(path.names),
            inode=item.entry.inode if path.names else 0,
            parent=path.tree.parent_inode(path.names),
            opened=call.now,
            opener=_opener(call),
        )
        return Response(201, headers=[("x-ms-handle-id", str(handle.id))])

    def list_handles(self, call: Call) -> Response:
        """List Handles."""
        recursive = headers.flag(call.request, "x-ms-recursive")
        handles = self._shares.handles.on(self._item(call).path.path_key, recursive=recursive)
        page, more = headers.page(handles, lambda handle: handle.position, call.request)
        entries = "".join(_element(handle, call.version) for handle in page)
        return documents.response(
            f"<EnumerationResults><Entries>{entries}</Entries>{documents.next_marker(more)}</EnumerationResults>"
        )

    def close(self, call: Call) -> Response:
        """Force Close Handles: one, by its id, or all (``*``)."""
        recursive = headers.flag(call.request, "x-ms-recursive")
        path, handle_id = self._item(call).path, _handle_id(call)
        closing = [
            handle
            for handle in self._shares.handles.on(path.path_key, recursive=recursive)
            if handle_id is None or handle.id == handle_id
        ]
        for handle in closing:
            self._shares.handles.close(handle)
        counts = [("x-ms-number-of-handles-closed", str(len(closing))), ("x-ms-number-of-handles-failed", "0")]
        return Response(200, headers=counts)

    def _item(self, call: Call) -> ShareItem:
        item = self._shares.find(self._shares.path(call))
        if item is None:
            raise errors.not_found()
        return item


def _opener(call: Call) -> Opener:
    """The opener that the request's headers describe.

    Raises:
        StorageError: there is no such access right, or the name is too long.
    """
    request_headers = call.request.headers
    rights = request_headers.get("x-ms-handle-access-rights", "Read, Write").split(",")
    rights_by_name = {right.lower(): right for right in _RIGHTS}
    requested = {right.strip().lower() for right in rights}
    if not requested <= rights_by_name.keys():
        raise errors.invalid_header("x-ms-handle-access-rights")
    name = request_headers.get("x-ms-handle-client-name", call.request.client)
    if len(name) > _NAME_LIMIT:
        raise errors.invalid_header("x-ms-handle-client-name")
    return Opener(call.request.client, name, tuple(right for right in _RIGHTS if right.lower() in requested))


def _handle_id(call: Call) -> int | None:
    """The id of the handle to close; None for all.

    Raises:
        StorageError: the header is missing, or holds neither an id nor ``*``.
    """
    text = call.request.headers.get("x-ms-handle-id")
    if text is None:
        raise errors.missing_header("x-ms-handle-id")
    if text == "*":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise errors.invalid_header("x-ms-handle-id")
    return int(text)


def _element(handle: Handle, version: str) -> str:
    opener, rights, client = handle.opener, "", ""
    if version >= _SHOWS_RIGHTS:
        rights = "".join(f"<AccessRight>{right}</AccessRight>" for right in opener.rights)
        rights = f"<AccessRightList>{rights}</AccessRightList>"
    if version >= _SHOWS_CLIENT:
        client = f"<ClientName>{documents.text(opener.name)}</ClientName>"
    path = documents.name_element("Path", handle.path, encoded=version >= _ENCODED)
    return (
        f"<Handle><HandleId>{handle.id}</HandleId>{path}"
        f"<FileId>{handle.inode}</FileId><ParentId>{handle.parent}</ParentId><SessionId>{handle.session}</SessionId>"
        f"<ClientIp>{documents.text(opener.address)}</ClientIp>{client}"
        f"<OpenTime>{http_date(handle.opened)}</OpenTime>{rights}</Handle>"
    )
