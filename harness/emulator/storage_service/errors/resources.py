"""Errors because of existing resources: files, leases and copies.

Source: Microsoft's "Common REST API error codes", "Azure Files error codes" and "Blob Storage error codes".
"""

from harness.emulator.storage_service.errors.refusal import Refusal, StorageError

# The share has reached its quota, or the disk below it is full.
share_full = Refusal(
    409,
    "ShareSizeLimitReached",
    "The share size limit is reached: the operation would exceed the quota of the share, or the disk is full.",
)
not_found = Refusal(404, "ResourceNotFound", "The specified resource does not exist.")
# The parent directory does not exist.
parent_not_found = Refusal(404, "ParentNotFound", "The specified parent path does not exist.")
exists = Refusal(409, "ResourceAlreadyExists", "The specified resource already exists.")
# The resource is a file instead of a directory, or a directory instead of a file.
type_mismatch = Refusal(
    409, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource."
)
# Only empty directories can be deleted.
directory_not_empty = Refusal(409, "DirectoryNotEmpty", "The specified directory is not empty.")
# The file system refuses to change or delete the resource.
undeletable = Refusal(
    409, "CannotDeleteFileOrDirectory", "The file or directory could not be deleted because it is in use."
)


# Copies


def copy_source(status: int, text: str, *, source: StorageError | None = None) -> StorageError:
    """The source of a copy cannot be read.

    Args:
        source: the error of the source's service, which the response reports in separate headers.
    """
    headers: tuple[tuple[str, str], ...] = ()
    if source is not None:
        headers = (
            ("x-ms-copy-source-status-code", str(source.status)),
            ("x-ms-copy-source-error-code", source.code),
        )
    return StorageError(status, "CannotVerifyCopySource", text, headers=headers)


# There is no copy to abort.
no_pending_copy = Refusal(409, "NoPendingCopyOperation", "There is currently no pending copy operation.")
pending_copy = Refusal(409, "PendingCopyOperation", "There is currently a pending copy operation.")
# A conditional header about the source of a copy does not hold.
source_condition_not_met = Refusal(
    412, "SourceConditionNotMet", "The source condition specified using HTTP conditional header(s) is not met."
)


# Leases


def lease(status: int, code: str, text: str) -> StorageError:
    """A lease forbids the operation."""
    return StorageError(status, code, text)
