"""How blob storage refuses, beside what all storage services have in common."""

from harness.emulator.storage_service.errors import StorageError


def container_not_found() -> StorageError:
    """No such container."""
    return StorageError(404, "ContainerNotFound", "The specified container does not exist.")


def container_exists() -> StorageError:
    """There is a container of that name."""
    return StorageError(409, "ContainerAlreadyExists", "The specified container already exists.")


def blob_not_found() -> StorageError:
    """No such blob."""
    return StorageError(404, "BlobNotFound", "The specified blob does not exist.")


def blob_exists() -> StorageError:
    """There is a blob of that name."""
    return StorageError(409, "BlobAlreadyExists", "The specified blob already exists.")


def invalid_block_list() -> StorageError:
    """The list names a block that is not there."""
    return StorageError(400, "InvalidBlockList", "The specified block list is invalid.")


def block_of_another_length() -> StorageError:
    """The uncommitted blocks of a blob have ids of one length."""
    return StorageError(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")


def snapshots_present() -> StorageError:
    """Whoever deletes a blob has to say what becomes of its snapshots."""
    return StorageError(409, "SnapshotsPresent", "This operation is not permitted while the blob has snapshots.")


def current_version() -> StorageError:
    """The current version is deleted by deleting the blob."""
    text = "This operation is not allowed on the root blob. The current version is deleted without its version ID."
    return StorageError(403, "OperationNotAllowedOnRootBlob", text)


def invalid_blob_type() -> StorageError:
    """The operation is for blobs of another type."""
    return StorageError(409, "InvalidBlobType", "The blob type is invalid for this operation.")


# Append blobs


def append_position_not_met() -> StorageError:
    """The blob does not end where the request expects it to."""
    text = "The append position condition specified was not met."
    return StorageError(412, "AppendPositionConditionNotMet", text)


def max_size_not_met() -> StorageError:
    """The block would make the blob larger than the request allows."""
    return StorageError(412, "MaxBlobSizeConditionNotMet", "The max blob size condition specified was not met.")


def too_many_blocks() -> StorageError:
    """The append blob has all the blocks that it may have."""
    text = "The committed block count cannot exceed the maximum limit of 50,000 blocks."
    return StorageError(409, "BlockCountExceedsLimit", text)


def blob_is_sealed() -> StorageError:
    """Nothing is appended to a sealed blob."""
    text = (
        "The specified blob is sealed and its contents can't be modified unless the blob is re-created after a delete."
    )
    return StorageError(409, "BlobIsSealed", text)


# Page blobs


def invalid_page_range() -> StorageError:
    """The pages lie outside the blob."""
    return StorageError(416, "InvalidPageRange", "The page range specified is invalid.")


def sequence_number_condition_not_met() -> StorageError:
    """The sequence number is another than the request expects."""
    text = "The sequence number condition specified was not met."
    return StorageError(412, "SequenceNumberConditionNotMet", text)


def sequence_number_too_large() -> StorageError:
    """There is no higher sequence number."""
    text = "The sequence number increment cannot be performed because it would result in overflow of the number."
    return StorageError(409, "SequenceNumberIncrementTooLarge", text)


def previous_snapshot_not_found() -> StorageError:
    """There is no such snapshot to compare with."""
    return StorageError(409, "PreviousSnapshotNotFound", "The previous snapshot is not found.")


def previous_snapshot_is_newer() -> StorageError:
    """A snapshot is compared with an earlier one."""
    text = "The prevsnapshot query parameter value cannot be newer than snapshot query parameter value."
    return StorageError(400, "PreviousSnapshotCannotBeNewer", text)


def blob_overwritten() -> StorageError:
    """A snapshot is of another blob of the name."""
    text = "The blob has been recreated since the previous snapshot was taken."
    return StorageError(409, "BlobOverwritten", text)


# Copies


def target_condition_not_met() -> StorageError:
    """A condition on what a copy replaces does not hold."""
    text = "The target condition specified using HTTP conditional header(s) is not met."
    return StorageError(412, "TargetConditionNotMet", text)


def copy_id_mismatch() -> StorageError:
    """The copy that is pending is another."""
    return StorageError(
        409, "CopyIdMismatch", "The specified copy ID did not match the copy ID for the pending copy operation."
    )
