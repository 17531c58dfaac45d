"""Errors of authentication and authorization.

Source: Microsoft's "Common REST API error codes".
"""

from harness.emulator.storage_service.errors.refusal import Refusal, RefusalOf, StorageError

_REFER = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."


def authentication_failed(detail: str) -> StorageError:
    """The signature is not that of the request under a key of the account."""
    text = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )
    return StorageError(403, "AuthenticationFailed", text, detail=detail)


# The Authorization header is malformed.
malformed_authorization = Refusal(
    400,
    "InvalidAuthenticationInfo",
    "Authentication information is not given in the correct format. Check the value of Authorization header.",
)


def anonymous(challenge: str) -> StorageError:
    """The request has no credentials."""
    return StorageError(401, "NoAuthenticationInformation", _REFER, headers=(("www-authenticate", challenge),))


def invalid_token(detail: str, challenge: str) -> StorageError:
    """The token is not valid for this service."""
    headers = (("www-authenticate", challenge),)
    return StorageError(401, "InvalidAuthenticationInfo", _REFER, detail=detail, headers=headers)


# The shared access signature does not grant this operation.
permission_mismatch = Refusal(
    403,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
)
# The shared access signature is valid for HTTPS only.
protocol_mismatch = Refusal(
    403,
    "AuthorizationProtocolMismatch",
    "This request is not authorized to perform this operation using this protocol.",
)
# The shared access signature is not valid for the caller's address.
source_mismatch = RefusalOf(
    403,
    "AuthorizationSourceIPMismatch",
    "This request is not authorized to perform this operation using this source IP {}.",
)
# The account SAS is for another service.
service_mismatch = Refusal(
    403, "AuthorizationServiceMismatch", "This request is not authorized to perform this operation using this service."
)
# The account SAS is for another kind of resource.
resource_type_mismatch = Refusal(
    403,
    "AuthorizationResourceTypeMismatch",
    "This request is not authorized to perform this operation using this resource type.",
)
# The account requires HTTPS.
https_required = Refusal(400, "AccountRequiresHttps", "The account being accessed does not support http.")
# The secondary endpoint is read-only.
read_only = Refusal(
    403,
    "InsufficientAccountPermissions",
    "The account being accessed does not have sufficient permissions to execute this operation.",
)
# Snapshots are read-only.
snapshot_read_only = Refusal(
    400, "ShareSnapshotOperationNotSupported", "This operation is not supported on a share snapshot."
)
