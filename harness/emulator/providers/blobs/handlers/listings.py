"""List Blobs: flat, or as a hierarchy by a delimiter."""

import asyncio
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import islice
from operator import itemgetter

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import EarlierState
from harness.emulator.providers.blobs.handlers.listing_page import CURRENT, Page, behind, cursor_of
from harness.emulator.providers.blobs.history import History, shown
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service import documents, headers, leases, timestamps
from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_BATCH = 1000  # entries read from disk at a time, in a thread
_ENCODED = "2021-02-12"  # the version since which names that XML cannot hold are percent-encoded


_ONLY = "deletedwithversions"  # deleted blobs that have versions, each shown as the last of them
_EARLIER = frozenset({"snapshots", "versions", "deleted", _ONLY})  # earlier states in listings

Left = Callable[[str], tuple[EarlierState | None, EarlierState | None]]


class ListingHandlers:
    """List Blobs."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    async def list_blobs(self, call: Call) -> Response:
        """List Blobs."""
        self._containers.container(call.target)
        target = call.target
        include = headers.included(call.request)
        if "tags" in include:
            tags.check_permitted(call)
        page = await self._page(call, include)
        items = sorted(
            [(found.place.name, number, _item(found, call, include)) for number, found in enumerate(page.blobs)]
            + [(prefix, 0, f"<BlobPrefix>{_name(prefix, call)}</BlobPrefix>") for prefix in page.prefixes]
        )
        asked = documents.asked(call.request, encoded=call.version >= _ENCODED)
        return documents.answer(
            f'<EnumerationResults ServiceEndpoint="https://{target.account}.blob.core.windows.net/"'
            f' ContainerName="{target.share}">{asked}<Blobs>{"".join(text for _, _, text in items)}</Blobs>'
            f"{documents.next_marker(page.more)}</EnumerationResults>"
        )

    async def _page(self, call: Call, include: frozenset[str]) -> Page:
        query, target = call.request.query, call.target
        prefix = query.get("prefix", "")
        since = max(cursor_of(documents.marker(call.request)), (prefix, ""))
        page = Page(prefix, query.get("delimiter", ""), headers.page_size(call.request), since)
        tree, content = self._containers.tree(target.account, target.share), self._containers.container(target).content
        container = Place(target.account, content, prefix, tree, [])
        left = lru_cache(maxsize=1)(lambda name: self._history.left(container.other(name)))  # once for a blob
        while True:
            batch = await asyncio.to_thread(_batch, container.tree, prefix, page.since[0], _BATCH)
            now = [((name, CURRENT), entry) for name, entry in batch]
            earlier = self._history.records.listed(container, page.since, _BATCH) if include & _EARLIER else []
            ends = [found[-1][0] for found in (now, earlier) if len(found) == _BATCH]
            for cursor, item in sorted([*now, *earlier], key=itemgetter(0)):
                if cursor < page.since or (ends and cursor > min(ends)):
                    continue
                place = container.other(cursor[0])
                if not page.add(cursor, partial(self._found, place, item, include, left)):
                    return page
            if not ends:
                return page
            page.since = max(page.since, behind(min(ends)))

    def _found(
        self, place: Place, item: Entry | EarlierState | None, include: frozenset[str], left: Left
    ) -> Found | None:
        """A blob or an earlier state of one, if the listing includes it.

        Args:
            left: what is left of a blob by its name, see ``History.left``.
        """
        if isinstance(item, Entry):
            return self._containers.known(place, item)
        if item is None or (item.deleted is not None and "deleted" not in include):
            return None
        if item.base and item == left(place.name)[0]:
            return shown(place, replace(item, stamp=""))
        if _ONLY in include and item == left(place.name)[1]:
            return shown(place, replace(item, base=True))
        return shown(place, item) if f"{item.kind}s" in include else None


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
        *([("x-ms-blob-sequence-number", str(blob.sequence))] if blob.kind == "PageBlob" else []),
        *([("Sealed", "true")] if blob.sealed else []),
        *(_copy_elements(blob.copy) if "copy" in include else []),
        *tiers.shown(blob, call.now),
        *((names[name], value) for name, value in leases.describe(blob.lease, call.now) if found.earlier is None),
        ("ServerEncrypted", "true"),
        *_deletion(found.earlier, call),
        *([("TagCount", str(len(blob.tags)))] if blob.tags else []),
    ]
    inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in properties)
    metadata = documents.metadata_element(found.metadata) if "metadata" in include else ""
    tagged = tags.element(blob.tags) if blob.tags and "tags" in include else ""
    said = _state(found, include)
    return f"<Blob>{_name(found.place.name, call)}{said}<Properties>{inner}</Properties>{metadata}{tagged}</Blob>"


def _state(found: Found, include: frozenset[str]) -> str:
    """The elements that identify the state of an entry."""
    earlier = found.earlier
    text = "<Deleted>true</Deleted>" if earlier and earlier.deleted else ""
    if earlier is not None and earlier.kind == "snapshot" and earlier.stamp:  # otherwise it is the deleted blob itself
        text += f"<Snapshot>{earlier.stamp}</Snapshot>"
    if found.blob.version and include & {"versions", _ONLY}:
        text += f"<VersionId>{found.blob.version}</VersionId>"
        text += "<IsCurrentVersion>true</IsCurrentVersion>" if earlier is None else ""
    if earlier is not None and earlier.kind == "version" and earlier.base:
        text += "<HasVersionsOnly>true</HasVersionsOnly>"
    return text


def _deletion(earlier: EarlierState | None, call: Call) -> list[tuple[str, str]]:
    """When a state was deleted, and for how many days it can still be restored."""
    if earlier is None or earlier.deleted is None or earlier.expires is None:
        return []
    days = max(0, (earlier.expires - call.now).days)
    return [("DeletedTime", http_date(earlier.deleted)), ("RemainingRetentionDays", str(days))]


def _copy_elements(copy: Copy | None) -> list[tuple[str, str]]:
    if copy is None:
        return []
    shown = [
        ("CopyId", copy.id),
        ("CopySource", copy.source),
        ("CopyStatus", copy.status),
        ("CopyProgress", f"{copy.done}/{copy.total}"),
    ]
    if copy.completed is not None:
        shown.append(("CopyCompletionTime", http_date(copy.completed)))
    if copy.description:
        shown.append(("CopyStatusDescription", copy.description))
    return shown


def _name(name: str, call: Call) -> str:
    return documents.named("Name", name, encoded=call.version >= _ENCODED)
