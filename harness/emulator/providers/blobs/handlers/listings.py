"""List Blobs: flat, or as a hierarchy by a delimiter."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from harness.emulator.context import Response
from harness.emulator.providers.blobs.containers import Containers, Found, Place
from harness.emulator.storage_service import documents, headers, leases, timestamps
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.host import Call
from harness.emulator.wire import http_date

_BATCH = 1000  # entries read from disk at a time, in a thread
_ENCODED = "2021-02-12"  # the version since which names that XML cannot hold are percent-encoded
_LAST = "\U0010ffff"  # behind every character of a name


@dataclass(frozen=True, slots=True)
class _Page:
    blobs: list[Found]
    prefixes: list[str]
    more: str


class ListingHandlers:
    """List Blobs."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    async def list_blobs(self, call: Call) -> Response:
        """List Blobs."""
        self._containers.container(call.target)
        target = call.target
        include = headers.included(call.request)
        page = await self._page(call)
        items = sorted(
            [(found.place.name, _item(found, call, include)) for found in page.blobs]
            + [(prefix, f"<BlobPrefix>{_name(prefix, call)}</BlobPrefix>") for prefix in page.prefixes]
        )
        asked = documents.asked(call.request, encoded=call.version >= _ENCODED)
        return documents.answer(
            f'<EnumerationResults ServiceEndpoint="https://{target.account}.blob.core.windows.net/"'
            f' ContainerName="{target.share}">{asked}<Blobs>{"".join(text for _, text in items)}</Blobs>'
            f"{documents.next_marker(page.more)}</EnumerationResults>"
        )

    async def _page(self, call: Call) -> _Page:
        query, target = call.request.query, call.target
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        size, since = headers.page_size(call.request), max(documents.marker(call.request), prefix)
        blobs: list[Found] = []
        prefixes: list[str] = []
        tree, content = self._containers.tree(target.account, target.share), self._containers.container(target).content
        while True:
            batch = await asyncio.to_thread(_batch, tree, prefix, since, _BATCH)
            for name, entry in batch:
                if name < since:
                    continue
                cut = name.find(delimiter, len(prefix)) if delimiter else -1
                if len(blobs) + len(prefixes) == size:
                    return _Page(blobs, prefixes, name)
                if cut >= 0:
                    prefixes.append(name[: cut + len(delimiter)])
                    since = prefixes[-1] + _LAST  # the rest of the prefix is one entry
                elif (
                    found := self._containers.known(Place(target.account, content, name, tree, name.split("/")), entry)
                ) is not None:
                    blobs.append(found)
                    since = name + "\0"
            if len(batch) < _BATCH:
                return _Page(blobs, prefixes, "")
            since = max(since, batch[-1][0] + "\0")


def _batch(tree: Tree, prefix: str, since: str, most: int) -> list[tuple[str, Entry]]:
    """The first entries at or behind ``since`` whose path begins with a prefix."""

    def wanted() -> Iterator[tuple[str, Entry]]:
        for name, entry in tree.walk([], since=since):
            if name >= since and name.startswith(prefix):
                yield name, entry
            elif name > prefix and not name.startswith(prefix) and not prefix.startswith(name):
                return

    return list(islice(wanted(), most))


def _item(found: Found, call: Call, include: frozenset[str]) -> str:
    blob, entry = found.blob, found.entry
    content = {"content-type": "application/octet-stream"} | blob.content
    names = {"lease-status": "LeaseStatus", "lease-state": "LeaseState", "lease-duration": "LeaseDuration"}
    properties = [
        ("Creation-Time", http_date(timestamps.at(blob.created or entry.modified_ns))),
        ("Last-Modified", http_date(entry.modified)),
        ("Etag", found.etag.strip('"')),
        ("Content-Length", str(entry.length)),
        ("Content-Type", content["content-type"]),
        ("Content-Encoding", content.get("content-encoding", "")),
        ("Content-Language", content.get("content-language", "")),
        ("Content-MD5", blob.content_md5),
        ("Cache-Control", content.get("cache-control", "")),
        ("Content-Disposition", content.get("content-disposition", "")),
        ("BlobType", blob.kind),
        *([("AccessTier", "Hot"), ("AccessTierInferred", "true")] if blob.kind == "BlockBlob" else []),
        *((names[name], value) for name, value in leases.describe(blob.lease, call.now)),
        ("ServerEncrypted", "true"),
    ]
    inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in properties)
    shown = documents.metadata_element(found.metadata) if "metadata" in include else ""
    return f"<Blob>{_name(found.place.name, call)}<Properties>{inner}</Properties>{shown}</Blob>"


def _name(name: str, call: Call) -> str:
    return documents.named("Name", name, encoded=call.version >= _ENCODED)
