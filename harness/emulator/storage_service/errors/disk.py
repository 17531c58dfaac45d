"""Errors of the file system as errors of the service."""

import errno

from harness.disk_errors import is_disk_full
from harness.emulator.storage_service.errors.refusal import StorageError
from harness.emulator.storage_service.errors.requests import invalid_name
from harness.emulator.storage_service.errors.resources import exists, not_found, share_full, type_mismatch, undeletable


def of_disk(error: OSError) -> StorageError | None:
    """The service's error for an error of the file system; None if the emulator is at fault."""
    if is_disk_full(error):
        return share_full()
    if error.errno == errno.EFBIG:
        return StorageError(413, "RequestBodyTooLarge", "The file would be larger than the disk can hold.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY, errno.EROFS):
        return undeletable()
    if error.errno == errno.ENOENT:
        return not_found()
    if error.errno == errno.EEXIST:
        return exists()
    if error.errno in (errno.ENOTDIR, errno.EISDIR):
        return type_mismatch()
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP, errno.EMLINK, errno.ENXIO):
        return invalid_name()
    return None
