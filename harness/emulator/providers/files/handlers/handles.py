"""Handles: a request of the emulator's own opens them; they are listed and closed as at Azure."""

from harness.emulator.context import Response
from harness.emulator.providers.files.open_handles import Handle, Opener
from harness.emulator.providers.files.places import Found
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, errors, headers
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_RIGHTS = ("Read", "Write", "Delete")
_NAME_LIMIT = 255  # characters of a client's name
_ID_DIGITS = 20
_ENCODED = "2021-12-02"  # the version since which names that XML cannot hold are percent-encoded
_SHOWS_RIGHTS = "2023-01-03"  # the version since which a list says what a handle may do
_SHOWS_CLIENT = "2024-05-04"  # the version since which a list names the client


class HandleHandlers:
    """Open Handle, which only the emulator has; List Handles and Force Close Handles."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def open(self, call: Call) -> Response:
        """Open Handle, as a client that mounts the share would. The handle stays open until Force Close Handles."""
        found = self._found(call)
        place = found.place
        handle = self._shares.handles.open(
            place.path_key,
            "/".join(place.names),
            inode=found.entry.inode if place.names else 0,
            parent=place.tree.parent_inode(place.names),
            opened=call.now,
            opener=_opener(call),
        )
        return Response(201, headers=[("x-ms-handle-id", str(handle.id))])

    def list_handles(self, call: Call) -> Response:
        """List Handles."""
        recursive = headers.flag(call.request, "x-ms-recursive")
        handles = self._shares.handles.on(self._found(call).place.path_key, recursive=recursive)
        shown, more = headers.page(handles, lambda handle: handle.place, call.request)
        entries = "".join(_element(handle, call.version) for handle in shown)
        return documents.answer(
            f"<EnumerationResults><Entries>{entries}</Entries>{documents.next_marker(more)}</EnumerationResults>"
        )

    def close(self, call: Call) -> Response:
        """Force Close Handles: one, by its id, or all (``*``)."""
        recursive = headers.flag(call.request, "x-ms-recursive")
        place, wanted = self._found(call).place, _wanted(call)
        closing = [
            handle
            for handle in self._shares.handles.on(place.path_key, recursive=recursive)
            if wanted is None or handle.id == wanted
        ]
        for handle in closing:
            self._shares.handles.close(handle)
        counts = [("x-ms-number-of-handles-closed", str(len(closing))), ("x-ms-number-of-handles-failed", "0")]
        return Response(200, headers=counts)

    def _found(self, call: Call) -> Found:
        found = self._shares.find(self._shares.place(call))
        if found is None:
            raise errors.not_found()
        return found


def _opener(call: Call) -> Opener:
    """The opener of a handle, as headers describe it.

    Raises:
        StorageError: there is no such access right, or the name is too long.
    """
    given = call.request.headers
    rights = given.get("x-ms-handle-access-rights", "Read, Write").split(",")
    known = {right.lower(): right for right in _RIGHTS}
    wanted = {right.strip().lower() for right in rights}
    if not wanted <= known.keys():
        raise errors.invalid_header("x-ms-handle-access-rights")
    name = given.get("x-ms-handle-client-name", call.request.client)
    if len(name) > _NAME_LIMIT:
        raise errors.invalid_header("x-ms-handle-client-name")
    return Opener(call.request.client, name, tuple(right for right in _RIGHTS if right.lower() in wanted))


def _wanted(call: Call) -> int | None:
    """The id of the handle to close; None for all.

    Raises:
        StorageError: the header is missing, or holds neither.
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
    return (
        f"<Handle><HandleId>{handle.id}</HandleId>{documents.named('Path', handle.path, encoded=version >= _ENCODED)}"
        f"<FileId>{handle.inode}</FileId><ParentId>{handle.parent}</ParentId><SessionId>{handle.session}</SessionId>"
        f"<ClientIp>{documents.text(opener.address)}</ClientIp>{client}"
        f"<OpenTime>{http_date(handle.opened)}</OpenTime>{rights}</Handle>"
    )
