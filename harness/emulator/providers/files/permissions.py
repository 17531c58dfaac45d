"""Permissions: the security descriptors that files and directories of a share refer to by key."""

import base64
import binascii
import hashlib
from typing import Literal

from harness.emulator.providers.files import sddl, security_descriptor
from harness.emulator.providers.files.errors import custom_ace, invalid_permission
from harness.emulator.providers.files.model import Permission
from harness.emulator.providers.files.security_descriptor import SecurityDescriptor
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.model import Share, entry_key
from harness.emulator.store import Store

Form = Literal["sddl", "binary"]

# The permission of files and directories that have none set.
_INHERITED = sddl.from_sddl("O:SYG:SYD:AI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1301bf;;;AU)")


def parse_form(text: str, name: str) -> Form:
    """The form of a permission that a request names in a header or field; SDDL if it names none.

    Raises:
        StorageError: the request names another form.
    """
    match text.lower():
        case "" | "sddl":
            return "sddl"
        case "binary":
            return "binary"
        case _:
            raise errors.invalid_header(name)


def _parse(text: str, form: Form) -> SecurityDescriptor:
    """Read a permission.

    Raises:
        StorageError: the permission is not valid.
    """
    try:
        if form == "sddl":
            return sddl.from_sddl(text)
        return security_descriptor.from_binary(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        raise invalid_permission() from None


def _record(descriptor: SecurityDescriptor) -> Permission:
    """A permission with its key: two numbers, as in Azure's keys. Equivalent descriptors have the same key."""
    binary = security_descriptor.to_binary(descriptor)
    digest = hashlib.sha256(binary).digest()
    key = f"{int.from_bytes(digest[:8])}*{int.from_bytes(digest[8:16])}"
    return Permission(key, base64.b64encode(binary).decode(), "binary")


_INHERITED_RECORD = _record(_INHERITED)
INHERITED_KEY = _INHERITED_RECORD.key


def keep(store: Store, account: str, share: Share, *, text: str, form: Form) -> str:
    """Store a permission in a share; returns its key.

    Raises:
        StorageError: the permission is not valid.
    """
    permission = _record(_parse(text, form))
    store.put(entry_key(account, share.content, [permission.key]), permission)
    return permission.key


def find(store: Store, account: str, share: Share, key: str) -> Permission | None:
    """The permission with a key, if the share has it."""
    if key == INHERITED_KEY:
        return _INHERITED_RECORD
    return store.get(Permission, entry_key(account, share.content, [key]))


def to_text(permission: Permission, form: Form) -> str:
    """A permission as text: SDDL in its normal form, or the binary form in base64.

    Raises:
        StorageError: SDDL has no word for one of its entries.
    """
    descriptor = _parse(permission.text, "binary" if permission.form == "binary" else "sddl")
    if form == "binary":
        return base64.b64encode(security_descriptor.to_binary(descriptor)).decode()
    try:
        return sddl.to_sddl(descriptor)
    except sddl.CustomAceError:
        raise custom_ace() from None
