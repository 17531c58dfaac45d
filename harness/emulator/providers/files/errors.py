"""Errors of Azure Files, besides those that all storage services have."""

from harness.emulator.storage_service.errors import Refusal, RefusalOf

share_not_found = Refusal(404, "ShareNotFound", "The specified share does not exist.")
share_exists = Refusal(409, "ShareAlreadyExists", "The specified share already exists.")
# A share with snapshots can only be deleted together with them.
share_has_snapshots = Refusal(
    409, "ShareHasSnapshots", "The share has snapshots and the operation requires no snapshots."
)
# The security descriptor is malformed, or lacks owner, group or discretionary list.
invalid_permission = Refusal(400, "FileInvalidPermission", "The specified file permission is not valid.")
# The share has no permission with that key.
invalid_permission_key = Refusal(
    400, "FileInvalidPermissionKey", "The specified file permission key does not exist in the share."
)
# The security descriptor has an entry that SDDL cannot express.
custom_ace = Refusal(
    400,
    "CannotConvertToSddlDueToCustomAce",
    "Permissions can't be converted to SDDL due to the presence of custom ACE in the ACLs.",
)
# The file had another name in the snapshot, or was not in it.
renamed_since_snapshot = Refusal(
    409, "FileGenerationMismatch", "The file has been recreated since the previous snapshot was taken."
)
# The file has the attribute ReadOnly.
read_only_attribute = Refusal(
    409, "ReadOnlyAttribute", "The specified resource is read-only and cannot be modified at this time."
)
# Only NFS shares have links.
not_on_smb = Refusal(
    400,
    "OperationNotSupportedOnSmbShare",
    "This operation is only supported on a share with the NFS protocol enabled.",
)
# The file has the maximum number of names.
too_many_links = RefusalOf(409, "TooManyLinks", "The file has {} names, the maximum in the emulator; delete some.")
# A client has the file or a file in the directory open.
sharing_violation = Refusal(409, "SharingViolation", "The specified resource may be in use by an SMB client.")
# The account has the maximum number of open handles.
too_many_handles = RefusalOf(
    409,
    "TooManyHandles",
    "{} handles are open, the maximum for an account; close some with Force Close Handles.",
)
