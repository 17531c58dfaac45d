"""Snapshots of blobs. With versioning, a snapshot is also a new version."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import EarlierState, earlier_state
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.history import History, blob_of_state
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import conditions, errors, headers, leases, timestamps
from harness.emulator.storage_service.operations import Call


class SnapshotHandlers:
    """Snapshot Blob."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    async def create(self, call: Call) -> Response:
        """Snapshot Blob: copies the content, because jobs write to the blob's file in place."""
        blob, file = await self._history.files.copy_content(lambda: self._blob_to_snapshot(call))
        with self._history.files.discarding_on_error(blob.path, file):
            snapshot, version = self._store_snapshot(call, blob, file)
        current = StoredBlob(blob.path, blob_of_state(blob.path, snapshot).entry, replace(blob.record, version=version))
        return Response(201, headers=[("x-ms-snapshot", snapshot.stamp), *stamps(current), *encrypted(call)])

    def _blob_to_snapshot(self, call: Call) -> StoredBlob:
        blob = self._containers.find(self._containers.path(call.target))
        if blob is None:
            raise blob_not_found()
        request_headers = call.request.headers
        leases.check(blob.record.lease, request_headers.get("x-ms-lease-id", ""), call.now, noun="Blob", change=False)
        tags.check(request_headers, blob.record.tags)
        conditions.check(request_headers, etag=blob.etag, modified=blob.entry.modified, read=False)
        tiers.check_online(blob.record, call.now, access="write")
        if blob.entry.is_directory:
            raise errors.not_served("snapshots of directories")
        return blob

    def _store_snapshot(self, call: Call, blob: StoredBlob, file: str) -> tuple[EarlierState, str]:
        """Store a snapshot with a copied file; returns it, and the version of the blob afterwards."""
        path, history = blob.path, self._history
        now = max(timestamps.nanoseconds(call.now), blob.entry.modified_ns + 1000)
        state = earlier_state("snapshot", history.records.free_stamp(path, now), blob.record, blob.entry, file)
        if metadata := headers.metadata(call.request):
            modified = timestamps.nanoseconds(call.now)
            state = replace(state, blob=replace(state.blob, metadata=metadata), modified=modified)
        is_page_blob = blob.record.kind == "PageBlob"  # later writes to a page blob have another epoch
        after = StoredBlob(path, blob.entry, replace(blob.record, epoch=blob.record.epoch + is_page_blob))
        if history.protection(path.account).versions:
            link = history.files.link_earlier(path, file)
            with history.files.discarding_on_error(path, link):
                after = StoredBlob(path, blob.entry, replace(after.record, version=state.stamp))
                history.add_version(blob, after, link, state)
            return state, state.stamp
        with self._containers.store.transaction():
            history.put_states(path, {state.id: state})
            if is_page_blob:
                self._containers.put_record(after)
        return state, ""
