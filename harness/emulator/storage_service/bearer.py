"""Tokens of Microsoft Entra ID (OAuth), and the roles of the applications that send them.

Source: Microsoft's "Authorize with Microsoft Entra ID", and the section "Permissions" of each REST operation.
"""

import hashlib
from datetime import datetime

from harness.emulator.auth import (
    STORAGE_AUDIENCE,
    Bearer,
    ExpiredTokenError,
    InvalidTokenError,
    NotYetValidError,
    Tokens,
    WrongIssuerError,
)
from harness.emulator.context import Request
from harness.emulator.identity import Identity
from harness.emulator.roles import permits
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.delegation import DelegationKey
from harness.emulator.storage_service.model import Service

# The first versions that accept tokens: for blobs, for files, and for shares and the file service.
_BLOB_VERSION, _FILE_VERSION, _SHARE_VERSION = "2017-11-09", "2022-11-02", "2024-11-04"
_DELEGATION = "GetUserDelegationKey"
_INTENT = "x-ms-file-request-intent"
_CONTAINERS = {"blob": "blobServices/containers", "file": "fileServices/shares"}
_CONTENTS = {"blob": "blobServices/containers/blobs", "file": "fileServices/fileshares/files"}
_OF_CONTENTS = ("ListBlobs", "ListDirectoriesAndFiles", "CreatePermission", "GetPermission")
_OF_TAGS = {"GetBlobTags": "tags/read", "SetBlobTags": "tags/write", "FindBlobsByTags": "filter/action"}


class BearerAuthority:
    """Validates tokens for the storage services."""

    def __init__(self, identity: Identity, tokens: Tokens) -> None:
        self._identity = identity
        self._tokens = tokens
        self._secret = hashlib.sha256(f"user delegation {identity.signing_key}".encode()).digest()

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` header of the response to a request without an acceptable token."""
        uri = f"https://login.microsoftonline.com/{self._identity.tenant_id}/oauth2/authorize"
        return f"Bearer authorization_uri={uri} resource_id={STORAGE_AUDIENCE}"

    def admit(self, request: Request, service: Service, account: str, *, action: str, version: str) -> Bearer:
        """Accept a request with a token.

        Args:
            action: the action that the operation needs, by Azure's name; see ``action_of``.
            version: the version of the REST API.

        Raises:
            StorageError: the token is not valid here, or its application has no role for the operation.
        """
        if request.scheme != "https":
            raise errors.authentication_failed("Authentication scheme Bearer is not allowed with HTTP.")
        if version < _first_version(service, action):
            raise errors.authentication_failed("Authentication scheme Bearer is not supported in this version.")
        bearer = self.read(request, service, account)
        if service == "file" and not action.endswith("/generateUserDelegationKey/action"):
            check_intent(request)
        self.check_role(bearer.object_id, action)
        return bearer

    def read(self, request: Request, service: Service, account: str, header: str = "authorization") -> Bearer:
        """The claims in the token of a request.

        Raises:
            StorageError: the token is not valid for the service of that account.
        """
        try:
            bearer = self._tokens.read(request.headers.get(header, ""), request.ahead)
        except InvalidTokenError as error:
            raise errors.invalid_token(_detail(error), self.challenge) from error
        audience = bearer.audience.rstrip("/")
        if audience not in (STORAGE_AUDIENCE, f"https://{account}.{service}.core.windows.net"):
            raise errors.invalid_token("Audience validation failed. Audience did not match.", self.challenge)
        return bearer

    def check_role(self, object_id: str, action: str) -> None:
        """Accept an operation that a role of a service principal permits.

        Raises:
            StorageError: none of its roles does.
        """
        principal = self._identity.principal(object_id)
        if principal is None or not permits(principal.roles, action):
            raise errors.permission_mismatch()

    def covers_tags(self, object_id: str) -> bool:
        """Whether the roles of a service principal permit reading and writing the tags of blobs."""
        principal = self._identity.principal(object_id)
        actions = (f"{_CONTENTS['blob']}/{_OF_TAGS[name]}" for name in ("GetBlobTags", "SetBlobTags"))
        return principal is not None and all(permits(principal.roles, action) for action in actions)

    def key_value(self, key: DelegationKey) -> str:
        """The secret of a user delegation key, in base64."""
        return key.value(self._secret)

    def is_home(self, tenant_id: str) -> bool:
        """Whether a tenant is the one that the storage accounts trust."""
        return tenant_id == self._identity.tenant_id


def action_of(service: Service, operation: str, *, letters: str, kind: str) -> str:
    """The action of Azure's roles that an operation needs.

    Args:
        operation: Azure's name of it.
        letters: the permissions that a SAS would need; empty if no SAS suffices.
        kind: the resource type of an account SAS: ``s``, ``c`` or ``o``.
    """
    if operation == _DELEGATION:
        return f"{service}Services/generateUserDelegationKey/action"
    if operation.endswith("Acl"):
        return f"{_CONTAINERS[service]}/{'getAcl' if operation.startswith('Get') else 'setAcl'}/action"
    if operation in _OF_TAGS:
        return f"{_CONTENTS[service]}/{_OF_TAGS[operation]}"
    verb = "read" if set(letters) & {"r", "l"} else "delete" if letters and set(letters) <= {"d", "x", "y"} else "write"
    if operation in _OF_CONTENTS or kind == "o":
        return f"{_CONTENTS[service]}/{verb}"
    if kind == "c" or operation in ("ListContainers", "ListShares"):
        return f"{_CONTAINERS[service]}/{verb}"
    return f"{service}Services/{verb}"


def check_intent(request: Request) -> None:
    """Check that a request for files states the intent to bypass file permissions.

    Raises:
        StorageError: the request does not state it.
    """
    intent = request.headers.get(_INTENT)
    if intent is None:
        raise errors.missing_header(_INTENT)
    if intent.lower() != "backup":
        raise errors.invalid_header(_INTENT)


def check_key_time(key: DelegationKey, now: datetime) -> None:
    """Accept a user delegation key while it is valid.

    Raises:
        StorageError: the key has expired or is not valid yet.
    """
    if not key.is_valid(now):
        raise errors.authentication_failed(
            f"Signature not valid in the specified key time frame: Key start [{key.start}] - "
            f"Key expiry [{key.expiry}] - Current [{now:%a, %d %b %Y %H:%M:%S} GMT]"
        )


def _first_version(service: Service, action: str) -> str:
    if service == "blob":
        return _BLOB_VERSION
    return _FILE_VERSION if action.startswith(_CONTENTS["file"]) else _SHARE_VERSION


def _detail(error: InvalidTokenError) -> str:
    match error:
        case ExpiredTokenError():
            return "Lifetime validation failed. The token is expired."
        case NotYetValidError():
            return "Lifetime validation failed. The token is not yet valid."
        case WrongIssuerError():
            return "Issuer validation failed. Issuer did not match."
        case _:
            return "Signature validation failed."
