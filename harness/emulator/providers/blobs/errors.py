"""How blob storage refuses, beside what all storage services have in common."""

from harness.emulator.providers.storage.errors import StorageError


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


def unsupported_blob_type() -> StorageError:
    """The emulator keeps block blobs only."""
    return StorageError(400, "InvalidBlobType", "The blob type is invalid for this operation: BlockBlob is allowed.")


def invalid_block_list() -> StorageError:
    """The list names a block that is not there."""
    return StorageError(400, "InvalidBlockList", "The specified block list is invalid.")


def invalid_block_id() -> StorageError:
    """The id of a block is no base64 of at most 64 bytes."""
    text = "The specified block ID is invalid. The block ID must be Base64-encoded."
    return StorageError(400, "InvalidBlockId", text)
