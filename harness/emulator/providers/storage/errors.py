"""How the storage services refuse: Azure's status, code and sentence, raised by handlers and encoded once."""


class StorageError(Exception):
    """A refusal.

    Args:
        status: of HTTP.
        code: Azure's, in ``x-ms-error-code`` too.
        message: Azure's sentence.
        detail: more, for failed authentication; never secret.
    """

    def __init__(self, status: int, code: str, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail


def authentication_failed(detail: str) -> StorageError:
    """The signature is not that of the request under a key of the account."""
    text = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )
    return StorageError(403, "AuthenticationFailed", text, detail=detail)


def anonymous() -> StorageError:
    """No credentials at all."""
    text = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    return StorageError(401, "NoAuthenticationInformation", text)


def permission_mismatch() -> StorageError:
    """The shared access signature does not grant this operation."""
    text = "This request is not authorized to perform this operation using this permission."
    return StorageError(403, "AuthorizationPermissionMismatch", text)


def invalid_name(text: str = "The specified resource name contains invalid characters.") -> StorageError:
    """A share, directory or file cannot have that name."""
    return StorageError(400, "InvalidResourceName", text)


def invalid_header(name: str) -> StorageError:
    """A header has a value that is not allowed."""
    text = f"The value for one of the HTTP headers is not in the correct format: {name}."
    return StorageError(400, "InvalidHeaderValue", text)


def missing_header(name: str) -> StorageError:
    """A header that the operation needs is absent."""
    text = f"An HTTP header that's mandatory for this request is not specified: {name}."
    return StorageError(400, "MissingRequiredHeader", text)


def invalid_query(name: str) -> StorageError:
    """A query parameter has a value that is not allowed."""
    text = f"Value for one of the query parameters specified in the request URI is invalid: {name}."
    return StorageError(400, "InvalidQueryParameterValue", text)


def share_not_found() -> StorageError:
    """No such share."""
    return StorageError(404, "ShareNotFound", "The specified share does not exist.")


def share_exists() -> StorageError:
    """There is a share of that name."""
    return StorageError(409, "ShareAlreadyExists", "The specified share already exists.")


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


def invalid_range() -> StorageError:
    """The range lies outside the file."""
    return StorageError(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")


def md5_mismatch() -> StorageError:
    """The body is not what its MD5 says."""
    text = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
    return StorageError(400, "Md5Mismatch", text)


def too_large(limit: int) -> StorageError:
    """The body is longer than the operation takes."""
    text = f"The request body is too large and exceeds the maximum permissible limit of {limit} bytes."
    return StorageError(413, "RequestBodyTooLarge", text)


def unsupported() -> StorageError:
    """No such operation at that address."""
    return StorageError(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
