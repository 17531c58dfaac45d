"""How the storage services refuse: Azure's status, code and sentence, raised by handlers and encoded once.

Source: Microsoft's "Common REST API error codes", "Azure Files error codes" and "Blob Storage error codes".
"""

import errno

_REFER = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
_UNAUTHORIZED = "This request is not authorized to perform this operation using this "


class StorageError(Exception):
    """A refusal.

    Args:
        status: of HTTP.
        code: Azure's, in ``x-ms-error-code`` too.
        message: Azure's sentence.
        detail: more, for failed authentication; never secret.
        headers: that the answer carries besides.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


# Who asks


def authentication_failed(detail: str) -> StorageError:
    """The signature is not that of the request under a key of the account."""
    text = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )
    return StorageError(403, "AuthenticationFailed", text, detail=detail)


def malformed_authorization() -> StorageError:
    """The Authorization header is none that can be checked."""
    text = "Authentication information is not given in the correct format. Check the value of Authorization header."
    return StorageError(400, "InvalidAuthenticationInfo", text)


def anonymous(challenge: str) -> StorageError:
    """No credentials at all."""
    return StorageError(401, "NoAuthenticationInformation", _REFER, headers=(("www-authenticate", challenge),))


def invalid_token(detail: str, challenge: str) -> StorageError:
    """The token that came is not one for this service."""
    headers = (("www-authenticate", challenge),)
    return StorageError(401, "InvalidAuthenticationInfo", _REFER, detail=detail, headers=headers)


def permission_mismatch() -> StorageError:
    """The shared access signature does not grant this operation."""
    return StorageError(403, "AuthorizationPermissionMismatch", f"{_UNAUTHORIZED}permission.")


def protocol_mismatch() -> StorageError:
    """The shared access signature holds for HTTPS only."""
    return StorageError(403, "AuthorizationProtocolMismatch", f"{_UNAUTHORIZED}protocol.")


def source_mismatch(address: str) -> StorageError:
    """The shared access signature does not hold for the caller's address."""
    return StorageError(403, "AuthorizationSourceIPMismatch", f"{_UNAUTHORIZED}source IP {address}.")


def service_mismatch() -> StorageError:
    """The account SAS is for another service."""
    return StorageError(403, "AuthorizationServiceMismatch", f"{_UNAUTHORIZED}service.")


def resource_type_mismatch() -> StorageError:
    """The account SAS is for another kind of resource."""
    return StorageError(403, "AuthorizationResourceTypeMismatch", f"{_UNAUTHORIZED}resource type.")


def https_required() -> StorageError:
    """The account takes HTTPS only."""
    return StorageError(400, "AccountRequiresHttps", "The account being accessed does not support http.")


def read_only() -> StorageError:
    """The secondary endpoint only reads."""
    text = "The account being accessed does not have sufficient permissions to execute this operation."
    return StorageError(403, "InsufficientAccountPermissions", text)


def snapshot_read_only() -> StorageError:
    """What a snapshot holds is never changed."""
    text = "This operation is not supported on a share snapshot."
    return StorageError(400, "ShareSnapshotOperationNotSupported", text)


# What is asked


def invalid_name(text: str = "The specified resource name contains invalid characters.") -> StorageError:
    """A share, directory or file cannot have that name."""
    return StorageError(400, "InvalidResourceName", text)


def invalid_uri() -> StorageError:
    """The address cannot be understood."""
    return StorageError(400, "InvalidUri", "The requested URI does not represent any resource on the server.")


def invalid_header(name: str) -> StorageError:
    """A header has a value that is not allowed."""
    text = f"The value for one of the HTTP headers is not in the correct format: {name}."
    return StorageError(400, "InvalidHeaderValue", text)


def missing_header(name: str) -> StorageError:
    """A header that the operation needs is absent."""
    text = f"An HTTP header that's mandatory for this request is not specified: {name}."
    return StorageError(400, "MissingRequiredHeader", text)


def unsupported_header(name: str) -> StorageError:
    """A header that the emulator does not know how to honour."""
    text = f"One of the HTTP headers specified in the request is not supported: {name}."
    return StorageError(400, "UnsupportedHeader", text)


def missing_length() -> StorageError:
    """A body without its length."""
    return StorageError(411, "MissingContentLengthHeader", "Content-Length HTTP header was not specified.")


def invalid_query(name: str) -> StorageError:
    """A query parameter has a value that is not allowed."""
    text = f"Value for one of the query parameters specified in the request URI is invalid: {name}."
    return StorageError(400, "InvalidQueryParameterValue", text)


def out_of_range_query(name: str) -> StorageError:
    """A query parameter lies outside what is allowed."""
    text = f"One of the query parameters specified in the request URI is outside the permissible range: {name}."
    return StorageError(400, "OutOfRangeQueryParameterValue", text)


def missing_query(name: str) -> StorageError:
    """A query parameter that the operation needs is absent."""
    text = f"A query parameter that's mandatory for this request is not specified: {name}."
    return StorageError(400, "MissingRequiredQueryParameter", text)


def invalid_metadata() -> StorageError:
    """A name of metadata is no identifier."""
    text = "The metadata specified is invalid. It has characters that are not permitted."
    return StorageError(400, "InvalidMetadata", text)


def empty_metadata_key() -> StorageError:
    """A piece of metadata has no name."""
    return StorageError(400, "EmptyMetadataKey", "The key for one of the metadata key-value pairs is empty.")


def metadata_too_large() -> StorageError:
    """More than 8 KiB of metadata."""
    text = "The size of the specified metadata exceeds the maximum size permitted."
    return StorageError(400, "MetadataTooLarge", text)


def invalid_document() -> StorageError:
    """The body is not the XML that the operation takes."""
    return StorageError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")


def invalid_node(name: str) -> StorageError:
    """An element of the body has a value that is not allowed."""
    text = f"The value for one of the XML nodes is not in the correct format: {name}."
    return StorageError(400, "InvalidXmlNodeValue", text)


def invalid_input(text: str = "One of the request inputs is not valid.") -> StorageError:
    """Something in the request is not allowed."""
    return StorageError(400, "InvalidInput", text)


def invalid_md5() -> StorageError:
    """The MD5 is not 16 bytes in base64."""
    text = "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64-encoded."
    return StorageError(400, "InvalidMd5", text)


def md5_mismatch() -> StorageError:
    """The body is not what its MD5 says."""
    text = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
    return StorageError(400, "Md5Mismatch", text)


def crc64_mismatch() -> StorageError:
    """The body is not what its CRC-64 says."""
    text = "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server."
    return StorageError(400, "Crc64Mismatch", text)


def invalid_structured_body(problem: str) -> StorageError:
    """The body is no structured message.

    Args:
        problem: what is wrong with it, as the end of a sentence.
    """
    return StorageError(400, "InvalidInput", f"The structured message in the request body is not valid: {problem}.")


def invalid_range(length: int | None = None) -> StorageError:
    """The range lies outside the file, which has ``length`` bytes."""
    text = "The range specified is invalid for the current size of the resource."
    headers = () if length is None else (("content-range", f"bytes */{length}"),)
    return StorageError(416, "InvalidRange", text, headers=headers)


def too_large(limit: int) -> StorageError:
    """The body is longer than the operation takes."""
    text = f"The request body is too large and exceeds the maximum permissible limit of {limit} bytes."
    return StorageError(413, "RequestBodyTooLarge", text)


def timed_out() -> StorageError:
    """The body did not come."""
    return StorageError(408, "RequestTimeout", "The request body was not received in time.")


def unsupported() -> StorageError:
    """No such operation at that address."""
    return StorageError(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")


def not_served(operation: str) -> StorageError:
    """An operation of Azure that the emulator does not have."""
    return StorageError(501, "NotImplemented", f"The emulator does not serve {operation}.")


def condition_not_met() -> StorageError:
    """A conditional header does not hold."""
    text = "The condition specified using HTTP conditional header(s) is not met."
    return StorageError(412, "ConditionNotMet", text)


def not_modified() -> StorageError:
    """A conditional header of a read does not hold."""
    text = "The condition specified using HTTP conditional header(s) is not met."
    return StorageError(304, "ConditionNotMet", text)


# What is there


def share_full() -> StorageError:
    """The share has reached its quota, or the disk below it is full."""
    text = "The share size limit is reached: the operation would exceed the quota of the share, or the disk is full."
    return StorageError(409, "ShareSizeLimitReached", text)


def not_found() -> StorageError:
    """No such file or directory."""
    return StorageError(404, "ResourceNotFound", "The specified resource does not exist.")


def parent_not_found() -> StorageError:
    """The directory above does not exist."""
    return StorageError(404, "ParentNotFound", "The specified parent path does not exist.")


def exists() -> StorageError:
    """Something of that name is there."""
    return StorageError(409, "ResourceAlreadyExists", "The specified resource already exists.")


def type_mismatch() -> StorageError:
    """A file where a directory was meant, or the other way round."""
    text = "The specified resource type does not match the type of the existing resource."
    return StorageError(409, "ResourceTypeMismatch", text)


def directory_not_empty() -> StorageError:
    """Only empty directories can be deleted."""
    return StorageError(409, "DirectoryNotEmpty", "The specified directory is not empty.")


def undeletable() -> StorageError:
    """The file system refuses to change or delete what is there."""
    return StorageError(
        409, "CannotDeleteFileOrDirectory", "The file or directory could not be deleted because it is in use."
    )


# Copies


def copy_source(status: int, text: str, *, source: StorageError | None = None) -> StorageError:
    """The source of a copy cannot be read.

    Args:
        source: how the source's own service refuses to give it, which the answer reports in headers of its own.
    """
    headers: tuple[tuple[str, str], ...] = ()
    if source is not None:
        headers = (
            ("x-ms-copy-source-status-code", str(source.status)),
            ("x-ms-copy-source-error-code", source.code),
        )
    return StorageError(status, "CannotVerifyCopySource", text, headers=headers)


def no_pending_copy() -> StorageError:
    """There is no copy to abort."""
    return StorageError(409, "NoPendingCopyOperation", "There is currently no pending copy operation.")


def pending_copy() -> StorageError:
    """A copy into this file or blob is going on."""
    return StorageError(409, "PendingCopyOperation", "There is currently a pending copy operation.")


def source_condition_not_met() -> StorageError:
    """A conditional header about the source of a copy does not hold."""
    text = "The source condition specified using HTTP conditional header(s) is not met."
    return StorageError(412, "SourceConditionNotMet", text)


# Leases


def lease(status: int, code: str, text: str) -> StorageError:
    """A lease stands in the way."""
    return StorageError(status, code, text)


# The disk


def of_disk(error: OSError) -> StorageError | None:
    """What the file system's own refusal is to a client; None where it is the emulator's fault."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
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
