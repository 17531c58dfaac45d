"""Azure's built-in roles and the actions that they permit; pure.

Source: Microsoft's "Azure built-in roles" and the section "Permissions" of each REST operation. Actions on the content
of a storage account are written without the prefix ``Microsoft.Storage/storageAccounts/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

_DATA = ("/blobs/", "/files/")  # parts of the names of actions on the content of shares and containers
_DELEGATION = ("blobServices/generateUserDelegationKey/action", "fileServices/generateUserDelegationKey/action")


@dataclass(frozen=True, slots=True)
class Role:
    """The actions that a role permits, as patterns of their names.

    Attributes:
        actions: actions on the services of a storage account.
        data_actions: actions on the content of its shares and containers.
        management: actions on resources, by Resource Manager, and on the data plane of Azure Machine Learning.
        excluded: exceptions from ``management``.
    """

    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    management: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def permits(self, action: str) -> bool:
        """Whether the role includes an action; a pattern for management never covers data."""
        patterns = self.data_actions if any(part in action for part in _DATA) else self.actions
        return any(fnmatchcase(action, pattern) for pattern in patterns)

    def manages(self, action: str) -> bool:
        """Whether the role includes an action on a resource; names ignore case."""
        return _is_among(action, self.management) and not _is_among(action, self.excluded)


def _is_among(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


_ASSIGNMENTS = ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")
_ML = "Microsoft.MachineLearningServices/workspaces"
_BLOB, _CONTAINER = "blobServices/containers/blobs", "blobServices/containers"
_FILE = "fileServices/fileshares/files"

ROLES: Mapping[str, Role] = {
    "Owner": Role(("*",), management=("*",)),
    "Contributor": Role(("*",), management=("*",), excluded=_ASSIGNMENTS),
    "Reader": Role(("*/read",), management=("*/read",)),
    "AzureML Data Scientist": Role(
        management=(f"{_ML}/read", f"{_ML}/*/read", f"{_ML}/*/action", f"{_ML}/*/delete", f"{_ML}/*/write"),
        excluded=(
            *(f"{_ML}/delete", f"{_ML}/write", f"{_ML}/listKeys/action"),
            *(f"{_ML}/computes/write", f"{_ML}/computes/delete", f"{_ML}/computes/listKeys/action"),
        ),
    ),
    "Storage Account Contributor": Role(
        ("*",),
        management=("Microsoft.Storage/storageAccounts/*", "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ),
    "Storage Blob Data Owner": Role((f"{_CONTAINER}/*", _DELEGATION[0]), (f"{_BLOB}/*",)),
    "Storage Blob Data Contributor": Role(
        (f"{_CONTAINER}/read", f"{_CONTAINER}/write", f"{_CONTAINER}/delete", _DELEGATION[0]),
        (f"{_BLOB}/read", f"{_BLOB}/write", f"{_BLOB}/delete"),
    ),
    "Storage Blob Data Reader": Role((f"{_CONTAINER}/read", _DELEGATION[0]), (f"{_BLOB}/read",)),
    "Storage Blob Delegator": Role((_DELEGATION[0],)),
    "Storage File Data Privileged Contributor": Role((_DELEGATION[1],), (f"{_FILE}/*",)),
    "Storage File Data Privileged Reader": Role((_DELEGATION[1],), (f"{_FILE}/read",)),
    "Storage File Delegator": Role((_DELEGATION[1],)),
}
SETS: Mapping[str, tuple[str, ...]] = {
    "owner": ("Owner", "Storage Blob Data Owner", "Storage File Data Privileged Contributor"),
    "contributor": ("Contributor", "Storage Blob Data Contributor", "Storage File Data Privileged Contributor"),
    "reader": ("Reader", "Storage Blob Data Reader", "Storage File Data Privileged Reader"),
    "none": (),
}
FIRST_APPLICATION = ("Owner", "Storage Blob Data Contributor", "Storage File Data Privileged Contributor")


@lru_cache(maxsize=1024)
def permits(roles: tuple[str, ...], action: str) -> bool:
    """Whether any of the roles includes an action on the services of a storage account or on their content."""
    return any(ROLES[name].permits(action) for name in roles)


@lru_cache(maxsize=1024)
def manages(roles: tuple[str, ...], action: str) -> bool:
    """Whether any of the roles includes an action on a resource, such as ``Microsoft.BatchAI/workspaces/write``."""
    return any(ROLES[name].manages(action) for name in roles)


def role_names(text: str) -> tuple[str, ...]:
    """The roles that a name means: the name of a set of roles (``reader``), or of one role.

    Raises:
        KeyError: no role or set has that name.
    """
    lowered = " ".join(text.split()).lower()
    if lowered in SETS:
        return SETS[lowered]
    return ({name.lower(): name for name in ROLES}[lowered],)
