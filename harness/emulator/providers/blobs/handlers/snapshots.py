"""Snapshots of blobs; where the account keeps versions, each is a new version, too."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import EarlierState, as_it_was
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.history import History, shown
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import conditions, errors, headers, leases, timestamps
from harness.emulator.storage_service.operations import Call


class SnapshotHandlers:
    """Snapshot Blob."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    async def create(self, call: Call) -> Response:
        """Snapshot Blob: a copy of its content, since jobs write to the file in place."""
        found, file = await self._history.files.copied(lambda: self._admitted(call))
        with self._history.files.unless_kept(found.place, file):
            taken, version = self._taken(call, found, file)
        kept = Found(found.place, shown(found.place, taken).entry, replace(found.blob, version=version))
        return Response(201, headers=[("x-ms-snapshot", taken.stamp), *stamps(kept), *encrypted(call)])

    def _admitted(self, call: Call) -> Found:
        found = self._containers.find(self._containers.place(call.target))
        if found is None:
            raise blob_not_found()
        given = call.request.headers
        leases.check(found.blob.lease, given.get("x-ms-lease-id", ""), call.now, noun="Blob", change=False)
        tags.check(given, found.blob.tags)
        conditions.check(given, etag=found.etag, modified=found.entry.modified, read=False)
        tiers.check_online(found.blob, call.now, access="write")
        if found.entry.is_directory:
            raise errors.not_served("snapshots of directories")
        return found

    def _taken(self, call: Call, found: Found, file: str) -> tuple[EarlierState, str]:
        """Store a copied snapshot; returns it, and the version of the blob after it."""
        place, history = found.place, self._history
        at = max(timestamps.nanoseconds(call.now), found.entry.modified_ns + 1000)
        state = as_it_was("snapshot", history.records.free_stamp(place, at), found.blob, found.entry, file)
        if metadata := headers.metadata(call.request):
            modified = timestamps.nanoseconds(call.now)
            state = replace(state, blob=replace(state.blob, metadata=metadata), modified=modified)
        is_page_blob = found.blob.kind == "PageBlob"  # later writes to a page blob have another epoch
        after = Found(place, found.entry, replace(found.blob, epoch=found.blob.epoch + is_page_blob))
        if history.protection(place.account).versions:
            other = history.files.linked(place, file)
            with history.files.unless_kept(place, other):
                after = Found(place, found.entry, replace(after.blob, version=state.stamp))
                history.succeed(found, after, other, state)
            return state, state.stamp
        with self._containers.store.transaction():
            history.settle(place, {state.id: state})
            if is_page_blob:
                self._containers.keep(after)
        return state, ""
