"""How Azure Files refuses, beside what all storage services have in common."""

from harness.emulator.storage_service.errors import StorageError


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


def invalid_permission() -> StorageError:
    """A security descriptor is none, or lacks owner, group or discretionary list."""
    return StorageError(400, "FileInvalidPermission", "The specified file permission is not valid.")


def invalid_permission_key() -> StorageError:
    """A file is to have a permission that its share does not know."""
    text = "The specified file permission key does not exist in the share."
    return StorageError(400, "FileInvalidPermissionKey", text)


def custom_ace() -> StorageError:
    """A security descriptor holds what only its binary form can show."""
    text = "Permissions can't be converted to SDDL due to the presence of custom ACE in the ACLs."
    return StorageError(400, "CannotConvertToSddlDueToCustomAce", text)


def renamed_since_snapshot() -> StorageError:
    """A file of another name, or of none, was in the snapshot that it is compared with."""
    text = "The file has been recreated since the previous snapshot was taken."
    return StorageError(409, "FileGenerationMismatch", text)


def read_only_attribute() -> StorageError:
    """The file carries the attribute ReadOnly."""
    text = "The specified resource is read-only and cannot be modified at this time."
    return StorageError(409, "ReadOnlyAttribute", text)


def not_on_smb() -> StorageError:
    """Links exist on shares of NFS alone."""
    text = "This operation is only supported on a share with the NFS protocol enabled."
    return StorageError(400, "OperationNotSupportedOnSmbShare", text)


def too_many_links(most: int) -> StorageError:
    """A file has all the names that it can have."""
    text = f"The file has {most} names, the most that the emulator gives one; delete some."
    return StorageError(409, "TooManyLinks", text)


def sharing_violation() -> StorageError:
    """A client has the file open, or something in the directory."""
    return StorageError(409, "SharingViolation", "The specified resource may be in use by an SMB client.")


def too_many_handles(most: int) -> StorageError:
    """The emulator keeps no more handles."""
    text = f"{most} handles are open, the most that the emulator keeps; close some with Force Close Handles."
    return StorageError(409, "TooManyHandles", text)
