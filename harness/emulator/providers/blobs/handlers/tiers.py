"""Access tiers of blobs, their snapshots and their versions."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import errors, leases
from harness.emulator.storage_service.operations import Call


class TierHandlers:
    """Set Blob Tier."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def set(self, call: Call) -> Response:
        """Set Blob Tier: 200, or 202 from the archive tier; neither the ETag nor the version changes."""
        given, found = call.request.headers, self._history.find(call.target)
        if found is None:
            raise blob_not_found()
        tags.check(given, found.blob.tags)
        leases.check(found.blob.lease, given.get("x-ms-lease-id", ""), call.now, noun="Blob", change=False)
        if found.entry.is_directory:
            raise errors.not_served("tiers of directories")
        blob = tiers.moved(found.blob, given, call.now)
        if found.earlier is None:
            self._containers.keep(Found(found.place, found.entry, blob))
        else:
            state = replace(found.earlier, blob=replace(blob, version=found.earlier.blob.version))
            self._history.settle(found.place, {state.id: state})
        return Response(202 if blob.tier_next else 200)
