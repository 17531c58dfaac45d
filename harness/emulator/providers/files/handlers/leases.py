"""Leases on shares and files."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, timestamps
from harness.emulator.storage_service.lease_requests import apply_request, lease_response
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import etag, http_date


class LeaseHandlers:
    """Lease Share and Lease File."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def share(self, call: Call) -> Response:
        """Lease Share."""
        share = self._shares.share(call.target)
        action, lease = apply_request(call, share.lease, endless=False)
        self._shares.put_share(call.target, replace(share, lease=lease))
        stamps = [("etag", etag(share.changed)), ("last-modified", http_date(share.changed))]
        return lease_response(action, lease, call.now, stamps)

    async def file(self, call: Call) -> Response:
        """Lease File: a lease on a file never expires."""
        async with self._shares.changing(call) as path:
            file = self._shares.find(path)
            if file is None or file.entry.is_directory:
                raise errors.not_found()
            action, lease = apply_request(call, file.properties.lease, endless=True)
            self._shares.put_record(ShareItem(path, file.entry, replace(file.properties, lease=lease)))
        stamps = [
            ("etag", timestamps.etag(file.entry.modified_ns)),
            ("last-modified", http_date(file.entry.modified)),
        ]
        return lease_response(action, lease, call.now, stamps)
