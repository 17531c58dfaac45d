"""Errors of blob storage, in addition to those of all storage services."""

from harness.emulator.storage_service.errors import Refusal

container_not_found = Refusal(404, "ContainerNotFound", "The specified container does not exist.")
container_exists = Refusal(409, "ContainerAlreadyExists", "The specified container already exists.")
blob_not_found = Refusal(404, "BlobNotFound", "The specified blob does not exist.")
blob_exists = Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
# The list names a block that does not exist.
invalid_block_list = Refusal(400, "InvalidBlockList", "The specified block list is invalid.")
# The uncommitted blocks of a blob must have ids of one length.
block_of_another_length = Refusal(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
# A request that deletes a blob with snapshots must say whether to delete them, too.
snapshots_present = Refusal(409, "SnapshotsPresent", "This operation is not permitted while the blob has snapshots.")
# The current version can only be deleted by deleting the blob.
current_version = Refusal(
    403,
    "OperationNotAllowedOnRootBlob",
    "This operation is not allowed on the root blob. The current version is deleted without its version ID.",
)
# The operation is for blobs of another type.
invalid_blob_type = Refusal(409, "InvalidBlobType", "The blob type is invalid for this operation.")


# Append blobs

# The blob does not end where the request expects it to.
append_position_not_met = Refusal(
    412, "AppendPositionConditionNotMet", "The append position condition specified was not met."
)
# The block would make the blob larger than the request allows.
max_size_not_met = Refusal(412, "MaxBlobSizeConditionNotMet", "The max blob size condition specified was not met.")
# The append blob has reached the limit of blocks.
too_many_blocks = Refusal(
    409, "BlockCountExceedsLimit", "The committed block count cannot exceed the maximum limit of 50,000 blocks."
)
# Nothing can be appended to a sealed blob.
blob_is_sealed = Refusal(
    409,
    "BlobIsSealed",
    "The specified blob is sealed and its contents can't be modified unless the blob is re-created after a delete.",
)


# Page blobs

invalid_page_range = Refusal(416, "InvalidPageRange", "The page range specified is invalid.")
# The sequence number does not meet the condition of the request.
sequence_number_condition_not_met = Refusal(
    412, "SequenceNumberConditionNotMet", "The sequence number condition specified was not met."
)
# There is no higher sequence number.
sequence_number_too_large = Refusal(
    409,
    "SequenceNumberIncrementTooLarge",
    "The sequence number increment cannot be performed because it would result in overflow of the number.",
)
# The snapshot to compare with does not exist.
previous_snapshot_not_found = Refusal(409, "PreviousSnapshotNotFound", "The previous snapshot is not found.")
# A snapshot can only be compared with an earlier one.
previous_snapshot_is_newer = Refusal(
    400,
    "PreviousSnapshotCannotBeNewer",
    "The prevsnapshot query parameter value cannot be newer than snapshot query parameter value.",
)
# The snapshot is of an earlier blob with the same name.
blob_overwritten = Refusal(409, "BlobOverwritten", "The blob has been recreated since the previous snapshot was taken.")


# Copies

# A condition on the blob that a copy replaces does not hold.
target_condition_not_met = Refusal(
    412, "TargetConditionNotMet", "The target condition specified using HTTP conditional header(s) is not met."
)
# The pending copy has another id.
copy_id_mismatch = Refusal(
    409, "CopyIdMismatch", "The specified copy ID did not match the copy ID for the pending copy operation."
)
