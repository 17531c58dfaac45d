"""Access tiers of blobs, their snapshots and their versions."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import errors, leases
from harness.emulator.storage_service.operations import Call


class TierHandlers:
    """Set Blob Tier."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def set(self, call: Call) -> Response:
        """Set Blob Tier: 200, or 202 from the archive tier; neither the ETag nor the version changes."""
        request_headers, blob = call.request.headers, self._history.find(call.target)
        if blob is None:
            raise blob_not_found()
        tags.check(request_headers, blob.record.tags)
        leases.check(blob.record.lease, request_headers.get("x-ms-lease-id", ""), call.now, noun="Blob", change=False)
        if blob.entry.is_directory:
            raise errors.not_served("tiers of directories")
        record = tiers.set_tier(blob.record, request_headers, call.now)
        if blob.earlier is None:
            self._containers.put_record(StoredBlob(blob.path, blob.entry, record))
        else:
            state = replace(blob.earlier, blob=replace(record, version=blob.earlier.blob.version))
            self._history.put_states(blob.path, {state.id: state})
        return Response(202 if record.tier_next else 200)
