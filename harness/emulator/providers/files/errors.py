"""Refusals of Azure Files, besides those of all storage services."""

from harness.emulator.storage_service.errors import Refusal, RefusalOf

share_not_found = Refusal(404, "ShareNotFound", "The specified share does not exist.")
share_exists = Refusal(409, "ShareAlreadyExists", "The specified share already exists.")
# A share with snapshots can only be deleted together with them.
share_has_snapshots = Refusal(
    409, "ShareHasSnapshots", "The share has snapshots and the operation requires no snapshots."
)
# The security descriptor is malformed, or lacks owner, group or discretionary list.
invalid_permission = Refusal(400, "FileInvalidPermission", "The specified file permission is not valid.")
# The share does not know the permission key.
invalid_permission_key = Refusal(
    400, "FileInvalidPermissionKey", "The specified file permission key does not exist in the share."
)
# The security descriptor holds what only its binary form can express.
custom_ace = Refusal(
    400,
    "CannotConvertToSddlDueToCustomAce",
    "Permissions can't be converted to SDDL due to the presence of custom ACE in the ACLs.",
)
# The file had another name in the snapshot, or was not in it.
renamed_since_snapshot = Refusal(
    409, "FileGenerationMismatch", "The file has been recreated since the previous snapshot was taken."
)
# The file carries the attribute ReadOnly.
read_only_attribute = Refusal(
    409, "ReadOnlyAttribute", "The specified resource is read-only and cannot be modified at this time."
)
# Links exist only on shares of NFS.
not_on_smb = Refusal(
    400,
    "OperationNotSupportedOnSmbShare",
    "This operation is only supported on a share with the NFS protocol enabled.",
)
# The file has the most names that it may have.
too_many_links = RefusalOf(
    409, "TooManyLinks", "The file has {} names, the most that the emulator gives one; delete some."
)
# A client has the file open, or a file in the directory.
sharing_violation = Refusal(409, "SharingViolation", "The specified resource may be in use by an SMB client.")
# The account has the most open handles that the emulator keeps.
too_many_handles = RefusalOf(
    409,
    "TooManyHandles",
    "{} handles are open, the most that the emulator keeps; close some with Force Close Handles.",
)
