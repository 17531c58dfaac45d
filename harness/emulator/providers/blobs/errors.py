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
