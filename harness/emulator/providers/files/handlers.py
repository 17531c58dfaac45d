"""Azure Files, REST: the operations that azure-storage-file 2.1.0 needs for shares, directories and files.

A file's length and time are those on disk, so what a job writes is right over REST at once.
"""

import base64
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.context import BodyTooLargeError, Request, Response
from harness.emulator.providers.files import ranges
from harness.emulator.providers.files.model import (
    Properties,
    entry_key,
    list_entries,
    list_shares,
)
from harness.emulator.providers.files.names import check_share, components
from harness.emulator.providers.files.tree import Entry, Tree
from harness.emulator.providers.storage import errors
from harness.emulator.providers.storage.access import Target, check
from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.errors import StorageError
from harness.emulator.providers.storage.model import DEFAULT_QUOTA, Share, share_key
from harness.emulator.providers.storage.trash import Trash
from harness.emulator.store import Store
from harness.emulator.wire import etag, http_date, new_request_id, storage_error

_DOMAIN = ".file.core.windows.net"
_RANGE_LIMIT = 4 << 20  # bytes of one Put Range
_FILE_LIMIT = 4 << 40  # bytes of a file
_PIECE = 1 << 20  # bytes sent at a time
_CONTENT = ("content-type", "content-encoding", "content-language", "cache-control", "content-disposition")

T = TypeVar("T")
Operation = Callable[[Request, Target], Response | Awaitable[Response]]


class AzureFiles:
    """Plays ``{account}.file.core.windows.net`` for every storage account."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash) -> None:
        self._accounts = accounts
        self._trash = trash
        self._store = store
        self._clock = clock
        # (level, method, restype, comp) -> permission letter, operation
        self._operations: dict[tuple[str, str, str, str], tuple[str, Operation]] = {
            ("service", "GET", "", "list"): ("l", self._list_shares),
            ("share", "PUT", "share", ""): ("c", self._create_share),
            ("share", "GET", "share", ""): ("r", self._get_share),
            ("share", "HEAD", "share", ""): ("r", self._get_share),
            ("share", "DELETE", "share", ""): ("d", self._delete_share),
            ("share", "PUT", "share", "metadata"): ("w", self._set_share_metadata),
            ("share", "GET", "share", "metadata"): ("r", self._get_share),
            ("share", "GET", "directory", "list"): ("l", self._list_entries),
            ("share", "GET", "directory", ""): ("r", self._get_directory),
            ("share", "HEAD", "directory", ""): ("r", self._get_directory),
            ("path", "PUT", "directory", ""): ("c", self._create_directory),
            ("path", "GET", "directory", ""): ("r", self._get_directory),
            ("path", "HEAD", "directory", ""): ("r", self._get_directory),
            ("path", "DELETE", "directory", ""): ("d", self._delete_directory),
            ("path", "GET", "directory", "list"): ("l", self._list_entries),
            ("path", "PUT", "", ""): ("c", self._create_file),
            ("path", "GET", "", ""): ("r", self._get_file),
            ("path", "HEAD", "", ""): ("r", self._head_file),
            ("path", "DELETE", "", ""): ("d", self._delete_file),
            ("path", "PUT", "", "range"): ("w", self._put_range),
            ("path", "PUT", "", "metadata"): ("w", self._set_metadata),
            ("path", "GET", "", "metadata"): ("r", self._get_metadata),
            ("path", "PUT", "", "properties"): ("w", self._set_properties),
        }

    def plays(self, host: str) -> bool:
        """Whether a host is an account's Files endpoint."""
        return host.endswith(_DOMAIN) and self._accounts.get(host.removesuffix(_DOMAIN)) is not None

    def forget(self, account: str) -> None:
        """Delete every share of an account."""
        for _, share in self._store.list(Share, share_key(account, "")):
            self._remove(account, share.name)

    def malformed(self, message: str) -> Response:
        """A request that cannot be understood."""
        return self._refused(StorageError(400, "InvalidUri", message), new_request_id())

    def broken(self) -> Response:
        """The emulator is at fault."""
        return self._refused(StorageError(500, "InternalError", "The emulator failed; see its log."), new_request_id())

    async def handle(self, request: Request) -> Response:
        """Authenticate, find the operation and answer."""
        request_id = new_request_id()
        try:
            answer = await self._answer(request)
        except StorageError as error:
            answer = self._refused(error, request_id)
        except BodyTooLargeError:
            answer = self._refused(errors.too_large(_RANGE_LIMIT), request_id)
        version = request.headers.get("x-ms-version") or request.query.get("sv") or "2017-07-29"
        answer.headers += [
            ("x-ms-request-id", request_id),
            ("x-ms-version", version[:20]),
            ("server", "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0"),
        ]
        return answer

    async def _answer(self, request: Request) -> Response:
        share, _, path = request.path.lstrip("/").partition("/")
        target = Target("file", request.host.removesuffix(_DOMAIN), share, path)
        level = "path" if path else "share" if share else "service"
        name = (level, request.method, request.query.get("restype", ""), request.query.get("comp", ""))
        found = self._operations.get(name)
        permission, operation = found or ("r", None)
        account = self._accounts.get(target.account)
        keys = account.keys if account else ()
        check(request, target, keys=keys, permission=permission, now=self._clock.now())
        if operation is None:
            raise errors.unsupported()
        if share:
            check_share(share)
        answer = operation(request, target)
        return answer if isinstance(answer, Response) else await answer

    def _refused(self, error: StorageError, request_id: str) -> Response:
        now = self._clock.now()
        return storage_error(error.status, error.code, str(error), request_id=request_id, now=now, detail=error.detail)

    # Shares

    def _list_shares(self, request: Request, target: Target) -> Response:
        prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
        shares = [share for _, share in self._store.list(Share, share_key(target.account, prefix))]
        page, more = _page(shares, lambda share: share.name, request)
        body = list_shares(target.account, page, prefix=prefix, marker=marker, more=more)
        return Response(200, body, headers=[("content-type", "application/xml")])

    def _create_share(self, request: Request, target: Target) -> Response:
        key = share_key(target.account, target.share)
        if self._store.get(Share, key):
            raise errors.share_exists()
        quota = _number(request, "x-ms-share-quota", default=DEFAULT_QUOTA, most=102_400)
        share = Share(target.share, self._clock.now(), quota, _metadata(request))
        self._trash.take(self._path(target))  # of a share whose creation or deletion was cut short
        self._path(target).mkdir(mode=0o777, parents=True)
        self._store.put(key, share)
        return Response(201, headers=_stamps(share))

    def _get_share(self, _request: Request, target: Target) -> Response:
        share = self._share(target)
        headers = [*_stamps(share), ("x-ms-share-quota", str(share.quota)), *_metadata_headers(share.metadata)]
        return Response(200, headers=headers)

    def _set_share_metadata(self, request: Request, target: Target) -> Response:
        share = replace(self._share(target), metadata=_metadata(request), changed=self._clock.now())
        self._store.put(share_key(target.account, target.share), share)
        return Response(200, headers=_stamps(share))

    def _delete_share(self, _request: Request, target: Target) -> Response:
        self._remove(target.account, self._share(target).name)
        return Response(202)

    def _remove(self, account: str, share: str) -> None:
        with self._store.transaction():
            self._store.delete(Share, share_key(account, share))
            for key, _ in self._store.list(Properties, entry_key(account, share, [""])):
                self._store.delete(Properties, key)
        self._trash.take(self._accounts.directory("file", account, name=share))

    # Directories

    def _create_directory(self, request: Request, target: Target) -> Response:
        names = components(target.path)
        self._tree(target).make_directory(names)
        self._keep(target, names, Properties(metadata=_metadata(request)))
        return Response(201, headers=self._entry_stamps(self._entry(target, names)))

    def _get_directory(self, _request: Request, target: Target) -> Response:
        names = components(target.path)
        entry = self._entry(target, names)
        if not entry.is_directory:
            raise errors.type_mismatch()
        metadata = self._properties(target, names).metadata
        return Response(200, headers=[*self._entry_stamps(entry), *_metadata_headers(metadata)])

    def _delete_directory(self, _request: Request, target: Target) -> Response:
        names = components(target.path)
        self._tree(target).remove_directory(names)
        self._store.delete(Properties, entry_key(target.account, target.share, names))
        return Response(202)

    def _list_entries(self, request: Request, target: Target) -> Response:
        prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
        entries = self._tree(target).children(components(target.path))
        wanted = [entry for entry in entries if entry.name.casefold().startswith(prefix.casefold())]
        page, more = _page(wanted, lambda entry: entry.name, request)
        body = list_entries(target.account, target.share, target.path, page, prefix=prefix, marker=marker, more=more)
        return Response(200, body, headers=[("content-type", "application/xml")])

    # Files

    def _create_file(self, request: Request, target: Target) -> Response:
        if request.headers.get("x-ms-type", "").lower() != "file":
            raise errors.missing_header("x-ms-type")
        if "x-ms-content-length" not in request.headers:
            raise errors.missing_header("x-ms-content-length")
        length = _number(request, "x-ms-content-length", default=0, most=_FILE_LIMIT)
        names = components(target.path)
        self._tree(target).make_file(names, length)
        properties = Properties(_metadata(request), _content(request))
        self._keep_md5(target, names, properties, request.headers.get("x-ms-content-md5", ""))
        return Response(201, headers=self._entry_stamps(self._entry(target, names)))

    async def _put_range(self, request: Request, target: Target) -> Response:
        names, tree = components(target.path), self._tree(target)
        header = request.headers.get("x-ms-range") or request.headers.get("range")
        if not header:
            raise errors.missing_header("x-ms-range")
        write = request.headers.get("x-ms-write", "").lower()
        if write not in ("update", "clear"):
            raise errors.invalid_header("x-ms-write")
        body = await request.read(_RANGE_LIMIT)
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        if request.headers.get("content-md5", md5) != md5:
            raise errors.md5_mismatch()
        with tree.open_file(names, os.O_RDWR) as descriptor:
            first, count = ranges.to_write(header, os.fstat(descriptor).st_size)
            if write == "clear":
                body = bytes(min(count, _RANGE_LIMIT))
            elif len(body) != count:
                raise errors.invalid_header("content-length")
            _write(descriptor, body, first=first, count=count)
        return Response(201, headers=[*self._entry_stamps(self._entry(target, names)), ("content-md5", md5)])

    def _head_file(self, _request: Request, target: Target) -> Response:
        entry = self._file(target)
        headers = [*self._file_headers(target, entry), ("content-length", str(entry.length))]
        return Response(200, headers=headers)

    def _get_metadata(self, _request: Request, target: Target) -> Response:
        names = components(target.path)
        entry, properties = self._entry(target, names), self._properties(target, names)
        return Response(200, headers=[*self._entry_stamps(entry), *_metadata_headers(properties.metadata)])

    def _get_file(self, request: Request, target: Target) -> Response:
        names, tree = components(target.path), self._tree(target)
        entry = self._file(target)
        asked = request.headers.get("x-ms-range") or request.headers.get("range")
        first, count = (0, entry.length) if asked is None else ranges.to_read(asked, entry.length)
        headers = [*self._file_headers(target, entry), ("accept-ranges", "bytes"), ("content-length", str(count))]
        if asked is not None:
            headers.append(("content-range", f"bytes {first}-{first + count - 1}/{entry.length}"))

        async def pieces() -> AsyncIterator[bytes]:
            with tree.open_file(names, os.O_RDONLY) as descriptor:
                for at in range(first, first + count, _PIECE):
                    yield os.pread(descriptor, min(_PIECE, first + count - at), at)

        return Response(200 if asked is None else 206, pieces() if count else b"", headers=headers)

    def _delete_file(self, _request: Request, target: Target) -> Response:
        names = components(target.path)
        self._tree(target).remove_file(names)
        self._store.delete(Properties, entry_key(target.account, target.share, names))
        return Response(202)

    def _set_metadata(self, request: Request, target: Target) -> Response:
        names, entry = components(target.path), self._entry(target, components(target.path))
        self._keep(target, names, replace(self._properties(target, names), metadata=_metadata(request)))
        return Response(200, headers=self._entry_stamps(entry))

    def _set_properties(self, request: Request, target: Target) -> Response:
        names = components(target.path)
        with self._tree(target).open_file(names, os.O_RDWR) as descriptor:
            if "x-ms-content-length" in request.headers:
                os.truncate(descriptor, _number(request, "x-ms-content-length", default=0, most=_FILE_LIMIT))
        properties = replace(self._properties(target, names), content=_content(request))
        self._keep_md5(target, names, properties, request.headers.get("x-ms-content-md5", ""))
        return Response(200, headers=self._entry_stamps(self._entry(target, names)))

    # What is there

    def _path(self, target: Target) -> Path:
        return self._accounts.directory("file", target.account, name=target.share)

    def _share(self, target: Target) -> Share:
        share = self._store.get(Share, share_key(target.account, target.share))
        if share is None:
            raise errors.share_not_found()
        return share

    def _tree(self, target: Target) -> Tree:
        self._share(target)
        return Tree(self._path(target))

    def _entry(self, target: Target, names: list[str]) -> Entry:
        entry = self._tree(target).entry(names)
        if entry is None:
            raise errors.not_found()
        return entry

    def _file(self, target: Target) -> Entry:
        entry = self._entry(target, components(target.path))
        if entry.is_directory:
            raise errors.not_found()
        return entry

    def _properties(self, target: Target, names: list[str]) -> Properties:
        return self._store.get(Properties, entry_key(target.account, target.share, names)) or Properties()

    def _keep(self, target: Target, names: list[str], properties: Properties) -> None:
        self._store.put(entry_key(target.account, target.share, names), properties)

    def _keep_md5(self, target: Target, names: list[str], properties: Properties, md5: str) -> None:
        entry = self._entry(target, names)
        self._keep(target, names, replace(properties, content_md5=md5, md5_of=(entry.length, _microseconds(entry))))

    def _file_headers(self, target: Target, entry: Entry) -> list[tuple[str, str]]:
        properties = self._properties(target, components(target.path))
        content = {"content-type": "application/octet-stream"} | properties.content
        if properties.content_md5 and properties.md5_of == (entry.length, _microseconds(entry)):
            content["content-md5"] = properties.content_md5
        return [
            *content.items(),
            *self._entry_stamps(entry),
            ("x-ms-type", "File"),
            ("x-ms-server-encrypted", "true"),
            *_metadata_headers(properties.metadata),
        ]

    def _entry_stamps(self, entry: Entry) -> list[tuple[str, str]]:
        return [("etag", etag(entry.modified)), ("last-modified", http_date(entry.modified))]


def _stamps(share: Share) -> list[tuple[str, str]]:
    return [("etag", etag(share.changed)), ("last-modified", http_date(share.changed))]


def _microseconds(entry: Entry) -> int:
    return int(entry.modified.timestamp() * 1_000_000)


def _metadata(request: Request) -> dict[str, str]:
    prefix = "x-ms-meta-"
    return {name.removeprefix(prefix): value for name, value in request.headers.items() if name.startswith(prefix)}


def _metadata_headers(metadata: dict[str, str]) -> list[tuple[str, str]]:
    return [(f"x-ms-meta-{name}", value) for name, value in metadata.items()]


def _content(request: Request) -> dict[str, str]:
    names = ((name, f"x-ms-{name}") for name in _CONTENT)
    return {name: request.headers[header] for name, header in names if header in request.headers}


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.headers.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= most):
        raise errors.invalid_header(name)
    return int(text)


def _page(items: list[T], name: Callable[[T], str], request: Request) -> tuple[list[T], str]:
    """The items from the marker on, at most ``maxresults``, and the name that the next page begins with."""
    text, marker = request.query.get("maxresults", "5000"), request.query.get("marker", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise errors.invalid_query("maxresults")
    rest = [item for item in items if name(item) >= marker]
    size = min(int(text), 5000)
    return rest[:size], name(rest[size]) if len(rest) > size else ""


def _write(descriptor: int, body: bytes, *, first: int, count: int) -> None:
    """Fill a range with a body, over and over where the body is shorter."""
    done = 0
    while done < count:
        done += os.pwrite(descriptor, body[: count - done], first + done)
