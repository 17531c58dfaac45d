"""Azure's built-in roles for storage, and what each lets an application do; pure.

Source: Microsoft's "Azure built-in roles for Storage" and the section "Permissions" of each REST operation. Actions are
written without their beginning ``Microsoft.Storage/storageAccounts/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

_DATA = ("/blobs/", "/files/")  # in the names of actions on what shares and containers hold
_DELEGATION = ("blobServices/generateUserDelegationKey/action", "fileServices/generateUserDelegationKey/action")


@dataclass(frozen=True, slots=True)
class Role:
    """``actions`` and ``data_actions`` are patterns of names."""

    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def permits(self, action: str) -> bool:
        """Whether the role includes an action; a pattern for management never covers data."""
        patterns = self.data_actions if any(part in action for part in _DATA) else self.actions
        return any(fnmatchcase(action, pattern) for pattern in patterns)


_BLOB, _CONTAINER = "blobServices/containers/blobs", "blobServices/containers"
_FILE = "fileServices/fileshares/files"

ROLES: Mapping[str, Role] = {
    "Storage Account Contributor": Role(("*",)),
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
    "owner": ("Storage Account Contributor", "Storage Blob Data Owner", "Storage File Data Privileged Contributor"),
    "contributor": ("Storage Blob Data Contributor", "Storage File Data Privileged Contributor"),
    "reader": ("Storage Blob Data Reader", "Storage File Data Privileged Reader"),
    "none": (),
}
FIRST_APPLICATION = ("Storage Account Contributor", *SETS["contributor"])


@lru_cache(maxsize=1024)
def permits(roles: tuple[str, ...], action: str) -> bool:
    """Whether any of some roles includes an action."""
    return any(ROLES[name].permits(action) for name in roles)


def role_names(text: str) -> tuple[str, ...]:
    """The roles that a word for several (``reader``) or a role's own name stands for.

    Raises:
        KeyError: there is no such role.
    """
    wanted = " ".join(text.split()).lower()
    if wanted in SETS:
        return SETS[wanted]
    return ({name.lower(): name for name in ROLES}[wanted],)
