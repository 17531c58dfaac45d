"""Security descriptors as records, and their self-relative binary form; pure.

Source: MS-DTYP 2.4. Entries of unknown types are kept as bytes.
"""

import struct
import uuid
from dataclasses import dataclass, replace

ACE_TYPES = {
    "A": 0,
    "D": 1,
    "AU": 2,
    "AL": 3,
    "OA": 5,
    "OD": 6,
    "OU": 7,
    "OL": 8,
    "ML": 0x11,
    "SP": 0x13,
}  # by their SDDL words
OBJECT_TYPES = (5, 6, 7, 8)  # whose entries may name object types by their GUIDs

_SELF_RELATIVE, _DACL_PRESENT, _SACL_PRESENT = 0x8000, 0x4, 0x10
_HEADER = struct.Struct("<BBHIIII")  # revision, padding, control, offsets of owner, group, SACL, DACL
_ACL = struct.Struct("<BBHHH")  # revision, padding, size, count, padding
_ACE = struct.Struct("<BBHI")  # type, flags, size, access mask
_PLAIN_REVISION, _OBJECT_REVISION = 2, 4
_LARGEST = 0xFFFF  # bytes of an access control list


@dataclass(frozen=True, slots=True)
class Ace:
    """An access control entry; ``sid`` is in its long form; ``raw`` holds the data of an unknown type."""

    type: int
    flags: int
    mask: int
    sid: str = ""
    object_type: str = ""
    inherited_type: str = ""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Acl:
    """An access control list; ``entries`` is None for one that is present and null. Flags are those of a DACL."""

    entries: tuple[Ace, ...] | None
    protected: bool = False
    inherit_required: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """Owner and group as long SIDs, and the two lists; ``system`` is None if there is none."""

    owner: str
    group: str
    dacl: Acl
    system: Acl | None


def to_binary(descriptor: SecurityDescriptor) -> bytes:
    """The self-relative form: header, system list, discretionary list, owner, group.

    Raises:
        ValueError: a list is larger than 64 KiB.
    """
    system = descriptor.system or Acl(None)
    control = _SELF_RELATIVE | _DACL_PRESENT | _SACL_PRESENT
    for acl, shift in ((descriptor.dacl, 0), (system, 1)):
        control |= (acl.inherit_required << 8 | acl.inherited << 10 | acl.protected << 12) << shift
    body, offsets = b"", []
    lists = [_acl_to_binary(system), _acl_to_binary(descriptor.dacl)]
    for part in (*lists, _sid_to_binary(descriptor.owner), _sid_to_binary(descriptor.group)):
        offsets.append(_HEADER.size + len(body) if part else 0)
        body += part
    sacl, dacl, owner, group = offsets
    return _HEADER.pack(1, 0, control, owner, group, sacl, dacl) + body


def _acl_to_binary(acl: Acl) -> bytes:
    if acl.entries is None:
        return b""
    entries = b"".join(map(_ace_to_binary, acl.entries))
    size = _ACL.size + len(entries)
    if size > _LARGEST:
        raise ValueError("an access control list has at most 64 KiB")
    revision = _OBJECT_REVISION if any(ace.type in OBJECT_TYPES for ace in acl.entries) else _PLAIN_REVISION
    return _ACL.pack(revision, 0, size, len(acl.entries), 0) + entries


def _ace_to_binary(ace: Ace) -> bytes:
    body = ace.raw
    if not body:
        guids = [guid for guid in (ace.object_type, ace.inherited_type) if guid]
        if ace.type in OBJECT_TYPES:
            body += struct.pack("<I", bool(ace.object_type) | bool(ace.inherited_type) << 1)
        body += b"".join(uuid.UUID(guid).bytes_le for guid in guids) + _sid_to_binary(ace.sid)
    return _ACE.pack(ace.type, ace.flags, _ACE.size + len(body), ace.mask) + body


def _sid_to_binary(sid: str) -> bytes:
    authority, *parts = sid.split("-")[2:]
    head = bytes([1, len(parts)]) + int(authority, 0).to_bytes(6)
    return head + b"".join(int(part).to_bytes(4, "little") for part in parts)


def from_binary(body: bytes) -> SecurityDescriptor:
    """Read the self-relative form.

    Raises:
        ValueError: the bytes are no descriptor, or it has no owner, group or discretionary list.
    """
    try:
        return _descriptor(body)
    except (struct.error, IndexError) as error:
        raise ValueError("the descriptor is cut off") from error


def _descriptor(body: bytes) -> SecurityDescriptor:
    revision, _, control, owner, group, sacl, dacl = _HEADER.unpack_from(body)
    if revision != 1 or not control & _SELF_RELATIVE or not control & _DACL_PRESENT or not (owner and group):
        raise ValueError("no self-relative descriptor with owner, group and discretionary list")
    lists = []
    for offset, shift in ((dacl, 0), (sacl, 1)):
        entries = _acl_from_binary(body, offset) if offset else None
        protected, required, inherited = (bool(control >> bit + shift & 1) for bit in (12, 8, 10))
        lists.append(Acl(entries, protected, required, inherited))
    system = lists[1] if control & _SACL_PRESENT else None
    return SecurityDescriptor(_sid_from_binary(body, owner)[0], _sid_from_binary(body, group)[0], lists[0], system)


def _acl_from_binary(body: bytes, at: int) -> tuple[Ace, ...]:
    _, _, size, count, _ = _ACL.unpack_from(body, at)
    if not _ACL.size <= size <= len(body) - at:
        raise ValueError("a list is cut off")
    end, entries = at + size, []
    at += _ACL.size
    for _ in range(count):
        entry, at = _ace_from_binary(body, at, end)
        entries.append(entry)
    return tuple(entries)


def _ace_from_binary(body: bytes, at: int, end: int) -> tuple[Ace, int]:
    kind, flags, size, mask = _ACE.unpack_from(body, at)
    if size < _ACE.size or at + size > end:
        raise ValueError("an entry is cut off")
    entry, rest = Ace(kind, flags, mask), body[at + _ACE.size : at + size]
    if kind not in ACE_TYPES.values():
        return replace(entry, raw=rest), at + size
    present = 0
    guids = ["", ""]
    if kind in OBJECT_TYPES:
        (present,) = struct.unpack_from("<I", rest)
        rest = rest[4:]
    for number in (0, 1):
        if present >> number & 1:
            guids[number] = str(uuid.UUID(bytes_le=rest[:16]))
            rest = rest[16:]
    sid, length = _sid_from_binary(rest, 0)
    if length != len(rest):  # application data follows the SID
        return replace(entry, raw=body[at + _ACE.size : at + size]), at + size
    return replace(entry, sid=sid, object_type=guids[0], inherited_type=guids[1]), at + size


def _sid_from_binary(body: bytes, at: int) -> tuple[str, int]:
    """A SID, and its length."""
    revision, count = body[at], body[at + 1]
    length = 8 + 4 * count
    if revision != 1 or not 1 <= count <= 15 or len(body) < at + length:
        raise ValueError("no SID")
    authority = int.from_bytes(body[at + 2 : at + 8])
    parts = struct.unpack_from(f"<{count}I", body, at + 8)
    authority_text = str(authority) if authority < 1 << 32 else f"0x{authority:012X}"
    return "-".join(["S-1", authority_text, *map(str, parts)]), length
