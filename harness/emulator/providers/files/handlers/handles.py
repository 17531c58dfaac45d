"""SMB handles: nobody opens files of the emulator over SMB, so there never are any."""

from harness.emulator.context import Response
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, errors, headers
from harness.emulator.storage_service.host import Call


class HandleHandlers:
    """List Handles and Force Close Handles."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def list_handles(self, call: Call) -> Response:
        """List Handles."""
        self._require(call)
        headers.page_size(call.request)
        return documents.answer("<EnumerationResults><Entries /><NextMarker /></EnumerationResults>")

    def close(self, call: Call) -> Response:
        """Force Close Handles."""
        self._require(call)
        if "x-ms-handle-id" not in call.request.headers:
            raise errors.missing_header("x-ms-handle-id")
        closed = [("x-ms-number-of-handles-closed", "0"), ("x-ms-number-of-handles-failed", "0")]
        return Response(200, headers=closed)

    def _require(self, call: Call) -> None:
        headers.flag(call.request, "x-ms-recursive")
        if self._shares.find(self._shares.place(call)) is None:
            raise errors.not_found()
