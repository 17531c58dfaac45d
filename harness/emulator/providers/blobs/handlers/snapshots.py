"""Snapshots of blobs, and undeleting what was deleted."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags
from harness.emulator.providers.blobs.containers import Containers, Found
from harness.emulator.providers.blobs.earlier import EarlierState, as_it_was
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, stamps
from harness.emulator.providers.blobs.history import History, shown
from harness.emulator.storage_service import conditions, errors, headers, leases, timestamps
from harness.emulator.storage_service.host import Call


class SnapshotHandlers:
    """Snapshot Blob."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    async def create(self, call: Call) -> Response:
        """Snapshot Blob: a copy of its content, since jobs write to the file in place."""
        found = self._admitted(call)
        file = await self._history.copied(found)
        try:
            if self._admitted(call).entry.file != found.entry.file:
                raise errors.condition_not_met()  # it was replaced while it was copied
            taken, after = self._taken(call, found, file)
        except BaseException:
            self._history.discard(found.place, file)
            raise
        return Response(201, headers=[("x-ms-snapshot", taken.stamp), *_shown(taken, after), *encrypted(call)])

    def _admitted(self, call: Call) -> Found:
        found = self._containers.find(self._containers.place(call.target))
        if found is None:
            raise blob_not_found()
        given = call.request.headers
        leases.check(found.blob.lease, given.get("x-ms-lease-id", ""), call.now, noun="Blob", change=False)
        tags.check(given, found.blob.tags)
        conditions.check(given, etag=found.etag, modified=found.entry.modified, read=False)
        if found.entry.is_directory:
            raise errors.not_served("snapshots of directories")
        return found

    def _taken(self, call: Call, found: Found, file: str) -> tuple[EarlierState, Found]:
        """Keep what was copied; the snapshot, and the blob after it."""
        place = found.place
        state = as_it_was("snapshot", self._history.free_stamp(place, call.now), found.blob, found.entry, file)
        if metadata := headers.metadata(call.request):
            modified = timestamps.nanoseconds(call.now)
            state = replace(state, blob=replace(state.blob, metadata=metadata), modified=modified)
        with self._containers.store.transaction():
            self._history.settle(place, {state.id: state})
            if found.blob.kind == "PageBlob":  # what is written from now on has another epoch
                self._containers.keep(Found(place, found.entry, replace(found.blob, epoch=found.blob.epoch + 1)))
        return state, found


def _shown(taken: EarlierState, after: Found) -> Headers:
    return stamps(shown(after.place, taken))
