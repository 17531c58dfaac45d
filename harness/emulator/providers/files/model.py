"""What Azure Files remembers beside the plain files, and its listings on the wire."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

import msgspec

from harness.emulator.providers.files.tree import Entry
from harness.emulator.providers.storage.model import Share
from harness.emulator.wire import etag, http_date


class Properties(msgspec.Struct, frozen=True):
    """What a file or directory has that its place on disk cannot hold.

    ``content_md5`` holds for ``md5_of`` alone: length and modification time (µs) of the bytes it was given for.
    """

    metadata: dict[str, str] = {}
    content: dict[str, str] = {}
    content_md5: str = ""
    md5_of: tuple[int, int] = (0, 0)


def entry_key(account: str, share: str, names: list[str]) -> str:
    """The store's key of a file or directory: its path, in one casing."""
    return "/".join([account, share, *names]).casefold()


def list_shares(account: str, shares: Iterable[Share], *, prefix: str, marker: str, more: str) -> bytes:
    """The answer to List Shares."""
    items = "".join(
        f"<Share><Name>{share.name}</Name><Properties><Last-Modified>{http_date(share.changed)}</Last-Modified>"
        f"<Etag>{escape(etag(share.changed))}</Etag><Quota>{share.quota}</Quota></Properties></Share>"
        for share in shares
    )
    head = f"<EnumerationResults ServiceEndpoint={quoteattr(f'https://{account}.file.core.windows.net/')}>"
    return _document(head, f"<Shares>{items}</Shares>", prefix=prefix, marker=marker, more=more)


def list_entries(
    account: str, share: str, path: str, entries: Iterable[Entry], *, prefix: str, marker: str, more: str
) -> bytes:
    """The answer to List Directories and Files."""
    items = "".join(
        f"<Directory><Name>{escape(entry.name)}</Name><Properties /></Directory>"
        if entry.is_directory
        else f"<File><Name>{escape(entry.name)}</Name><Properties><Content-Length>{entry.length}</Content-Length>"
        "</Properties></File>"
        for entry in entries
    )
    endpoint = quoteattr(f"https://{account}.file.core.windows.net/")
    head = (
        f"<EnumerationResults ServiceEndpoint={endpoint} ShareName={quoteattr(share)} DirectoryPath={quoteattr(path)}>"
    )
    return _document(head, f"<Entries>{items}</Entries>", prefix=prefix, marker=marker, more=more)


def _document(head: str, items: str, *, prefix: str, marker: str, more: str) -> bytes:
    asked = f"<Prefix>{escape(prefix)}</Prefix>" if prefix else ""
    asked += f"<Marker>{escape(marker)}</Marker>" if marker else ""
    rest = f"<NextMarker>{escape(more)}</NextMarker>" if more else "<NextMarker />"
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?>{head}{asked}{items}{rest}</EnumerationResults>'.encode()
