"""How Azure Files refuses, beside what all storage services have in common."""

from harness.emulator.providers.storage.errors import StorageError


def share_not_found() -> StorageError:
    """No such share."""
    return StorageError(404, "ShareNotFound", "The specified share does not exist.")


def share_exists() -> StorageError:
    """There is a share of that name."""
    return StorageError(409, "ShareAlreadyExists", "The specified share already exists.")


def share_has_snapshots() -> StorageError:
    """A share with snapshots is deleted together with them only."""
    text = "The share has snapshots and the operation requires no snapshots."
    return StorageError(409, "ShareHasSnapshots", text)


def snapshot_not_found() -> StorageError:
    """No snapshot of that moment."""
    return StorageError(404, "ShareSnapshotNotFound", "The specified share snapshot does not exist.")


def read_only_attribute() -> StorageError:
    """The file carries the attribute ReadOnly."""
    text = "The specified resource is read-only and cannot be modified at this time."
    return StorageError(409, "ReadOnlyAttribute", text)


def no_pending_copy() -> StorageError:
    """There is no copy to abort."""
    return StorageError(409, "NoPendingCopyOperation", "There is currently no pending copy operation.")


def pending_copy() -> StorageError:
    """A copy into this file is going on."""
    return StorageError(409, "PendingCopyOperation", "There is currently a pending copy operation.")
