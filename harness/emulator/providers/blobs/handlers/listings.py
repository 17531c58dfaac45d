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
from harness.emulator.providers.blobs.handlers.listing_page import CURRENT, Page, cursor_of, next_cursor
from harness.emulator.providers.blobs.history import History, blob_of_state
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import documents, headers, leases, timestamps
from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_BATCH = 1000  # entries read from disk at a time, in a thread
_ENCODED = "2021-02-12"  # since this version, names that XML cannot represent are percent-encoded


_ONLY = "deletedwithversions"  # deleted blobs that have versions, each shown as its last version
_EARLIER = frozenset({"snapshots", "versions", "deleted", _ONLY})  # options that include earlier states

DeletedStates = Callable[[str], tuple[EarlierState | None, EarlierState | None]]


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
            [(blob.path.name, number, _item(blob, call, include)) for number, blob in enumerate(page.blobs)]
            + [(prefix, 0, f"<BlobPrefix>{_name(prefix, call)}</BlobPrefix>") for prefix in page.prefixes]
        )
        parameters = documents.listing_parameters(call.request, encoded=call.version >= _ENCODED)
        return documents.response(
            f'<EnumerationResults ServiceEndpoint="https://{target.account}.blob.core.windows.net/"'
            f' ContainerName="{target.share}">{parameters}<Blobs>{"".join(text for _, _, text in items)}</Blobs>'
            f"{documents.next_marker(page.more)}</EnumerationResults>"
        )

    async def _page(self, call: Call, include: frozenset[str]) -> Page:
        query, target = call.request.query, call.target
        prefix = query.get("prefix", "")
        since = max(cursor_of(documents.marker(call.request)), (prefix, ""))
        page = Page(prefix, query.get("delimiter", ""), headers.page_size(call.request), since)
        tree, content = self._containers.tree(target.account, target.share), self._containers.container(target).content
        container = BlobPath(target.account, content, prefix, tree, [])
        # The cache spares reading the states of a blob again for each of them.
        deleted_states = lru_cache(maxsize=1)(lambda name: self._history.deleted_states(container.sibling(name)))
        while True:
            batch = await asyncio.to_thread(_batch, container.tree, prefix, page.since[0], _BATCH)
            current = [((name, CURRENT), entry) for name, entry in batch]
            earlier = self._history.records.list_page(container, page.since, _BATCH) if include & _EARLIER else []
            ends = [states[-1][0] for states in (current, earlier) if len(states) == _BATCH]
            for cursor, item in sorted([*current, *earlier], key=itemgetter(0)):
                if cursor < page.since or (ends and cursor > min(ends)):
                    continue
                path = container.sibling(cursor[0])
                if not page.add(cursor, partial(self._listed_blob, path, item, include, deleted_states)):
                    return page
            if not ends:
                return page
            page.since = max(page.since, next_cursor(min(ends)))

    def _listed_blob(
        self, path: BlobPath, item: Entry | EarlierState | None, include: frozenset[str], deleted_states: DeletedStates
    ) -> StoredBlob | None:
        """Return a blob or an earlier state, if the listing includes it.

        Args:
            deleted_states: returns ``History.deleted_states`` of a blob by its name.
        """
        if isinstance(item, Entry):
            return self._containers.blob_of_entry(path, item)
        if item is None or (item.deleted is not None and "deleted" not in include):
            return None
        if item.base and item == deleted_states(path.name)[0]:
            return blob_of_state(path, replace(item, stamp=""))
        if _ONLY in include and item == deleted_states(path.name)[1]:
            return blob_of_state(path, replace(item, base=True))
        return blob_of_state(path, item) if f"{item.kind}s" in include else None


def _batch(tree: Tree, prefix: str, since: str, limit: int) -> list[tuple[str, Entry]]:
    """Return the first entries at or after ``since`` whose path begins with a prefix."""

    def entries() -> Iterator[tuple[str, Entry]]:
        for name, entry in tree.walk([], since=since):
            if name >= since and name.startswith(prefix):
                yield name, entry
            elif name > prefix and not name.startswith(prefix) and not prefix.startswith(name):
                return

    return list(islice(entries(), limit))


def _item(blob: StoredBlob, call: Call, include: frozenset[str]) -> str:
    record, entry = blob.record, blob.entry
    content = {"content-type": "application/octet-stream"} | record.content
    names = {"lease-status": "LeaseStatus", "lease-state": "LeaseState", "lease-duration": "LeaseDuration"}
    properties = [
        ("Creation-Time", http_date(timestamps.at(record.created or entry.modified_ns))),
        ("Last-Modified", http_date(entry.modified)),
        ("Etag", blob.etag.strip('"')),
        ("Content-Length", str(entry.length)),
        ("Content-Type", content["content-type"]),
        ("Content-Encoding", content.get("content-encoding", "")),
        ("Content-Language", content.get("content-language", "")),
        ("Content-MD5", record.content_md5),
        ("Cache-Control", content.get("cache-control", "")),
        ("Content-Disposition", content.get("content-disposition", "")),
        ("BlobType", record.kind),
        *([("x-ms-blob-sequence-number", str(record.sequence))] if record.kind == "PageBlob" else []),
        *([("Sealed", "true")] if record.sealed else []),
        *(_copy_elements(record.copy) if "copy" in include else []),
        *tiers.tier_properties(record, call.now),
        *((names[name], value) for name, value in leases.describe(record.lease, call.now) if blob.earlier is None),
        ("ServerEncrypted", "true"),
        *_deletion(blob.earlier, call),
        *([("TagCount", str(len(record.tags)))] if record.tags else []),
    ]
    inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in properties)
    metadata = documents.metadata_element(blob.metadata) if "metadata" in include else ""
    tag_set = tags.element(record.tags) if record.tags and "tags" in include else ""
    state = _state(blob, include)
    return f"<Blob>{_name(blob.path.name, call)}{state}<Properties>{inner}</Properties>{metadata}{tag_set}</Blob>"


def _state(blob: StoredBlob, include: frozenset[str]) -> str:
    """Return the elements that identify the state of an entry."""
    earlier = blob.earlier
    text = "<Deleted>true</Deleted>" if earlier and earlier.deleted else ""
    if earlier is not None and earlier.kind == "snapshot" and earlier.stamp:  # otherwise it is the deleted blob itself
        text += f"<Snapshot>{earlier.stamp}</Snapshot>"
    if blob.record.version and include & {"versions", _ONLY}:
        text += f"<VersionId>{blob.record.version}</VersionId>"
        text += "<IsCurrentVersion>true</IsCurrentVersion>" if earlier is None else ""
    if earlier is not None and earlier.kind == "version" and earlier.base:
        text += "<HasVersionsOnly>true</HasVersionsOnly>"
    return text


def _deletion(earlier: EarlierState | None, call: Call) -> list[tuple[str, str]]:
    """Return when a state was deleted, and for how many days it can still be restored."""
    if earlier is None or earlier.deleted is None or earlier.expires is None:
        return []
    days = max(0, (earlier.expires - call.now).days)
    return [("DeletedTime", http_date(earlier.deleted)), ("RemainingRetentionDays", str(days))]


def _copy_elements(copy: Copy | None) -> list[tuple[str, str]]:
    if copy is None:
        return []
    elements = [
        ("CopyId", copy.id),
        ("CopySource", copy.source),
        ("CopyStatus", copy.status),
        ("CopyProgress", f"{copy.done}/{copy.total}"),
    ]
    if copy.completed is not None:
        elements.append(("CopyCompletionTime", http_date(copy.completed)))
    if copy.description:
        elements.append(("CopyStatusDescription", copy.description))
    return elements


def _name(name: str, call: Call) -> str:
    return documents.name_element("Name", name, encoded=call.version >= _ENCODED)
