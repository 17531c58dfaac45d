"""Responses of the storage services to injected faults."""

from harness.emulator.fault_targets import InjectedError
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.errors import StorageError, not_found, share_full


def fault_error(trouble: InjectedError, target: Target) -> StorageError:
    """The error of an injected fault."""
    match trouble:
        case "throttled":
            return StorageError(503, "ServerBusy", "Operations per second is over the account limit.")
        case "unavailable":
            text = "The server is currently unable to receive requests. Please retry your request."
            return StorageError(503, "ServerBusy", text)
        case "absent":
            return _absent_error(target)
        case "full":
            return share_full()
        case _:
            text = "The server encountered an internal error. Please retry the request."
            return StorageError(500, "InternalError", text)


def _absent_error(target: Target) -> StorageError:
    """The error that the target of a request does not exist yet."""
    if target.path and target.service == "file":
        return not_found()
    noun = "Blob" if target.path else "Container" if target.service == "blob" else "Share"
    return StorageError(404, f"{noun}NotFound", f"The specified {noun.lower()} does not exist.")
