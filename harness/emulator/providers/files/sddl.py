"""Security descriptors in SDDL, read in all its forms and written in the normal form; pure.

Source: Microsoft's "Security Descriptor String Format", "ACE Strings" and "SID Strings". The normal form is the one
that Windows writes: words for the SIDs that are the same in every domain, rights by their bits; and, as Azure Files
adds it, ``S:NO_ACCESS_CONTROL`` where no system access control list was given.
"""

import re
import uuid

from harness.emulator.providers.files.security_descriptor import (
    ACE_TYPES,
    OBJECT_TYPES,
    Ace,
    Acl,
    SecurityDescriptor,
    to_binary,
)

_SIDS = {
    "AA": "S-1-5-32-579", "AC": "S-1-15-2-1", "AN": "S-1-5-7", "AO": "S-1-5-32-548", "AS": "S-1-18-1",
    "AU": "S-1-5-11", "BA": "S-1-5-32-544", "BG": "S-1-5-32-546", "BO": "S-1-5-32-551", "BU": "S-1-5-32-545",
    "CD": "S-1-5-32-574", "CG": "S-1-3-1", "CO": "S-1-3-0", "CY": "S-1-5-32-569", "ED": "S-1-5-9",
    "ER": "S-1-5-32-573", "ES": "S-1-5-32-576", "HA": "S-1-5-32-578", "HI": "S-1-16-12288", "IS": "S-1-5-32-568",
    "IU": "S-1-5-4", "LS": "S-1-5-19", "LU": "S-1-5-32-559", "LW": "S-1-16-4096", "ME": "S-1-16-8192",
    "MP": "S-1-16-8448", "MS": "S-1-5-32-577", "MU": "S-1-5-32-558", "NO": "S-1-5-32-556", "NS": "S-1-5-20",
    "NU": "S-1-5-2", "OW": "S-1-3-4", "PO": "S-1-5-32-550", "PS": "S-1-5-10", "PU": "S-1-5-32-547",
    "RA": "S-1-5-32-575", "RC": "S-1-5-12", "RD": "S-1-5-32-555", "RE": "S-1-5-32-552", "RM": "S-1-5-32-580",
    "RU": "S-1-5-32-554", "SI": "S-1-16-16384", "SO": "S-1-5-32-549", "SS": "S-1-18-2", "SU": "S-1-5-6",
    "SY": "S-1-5-18", "UD": "S-1-5-84-0-0-0-0-0", "WD": "S-1-1-0", "WR": "S-1-5-33",
}  # fmt: skip
_SID_NAMES = {sid: name for name, sid in _SIDS.items()}
_TYPE_NAMES = {number: name for name, number in ACE_TYPES.items()}
_FLAGS = {"OI": 1, "CI": 2, "NP": 4, "IO": 8, "ID": 0x10, "SA": 0x40, "FA": 0x80}
_RIGHTS = {
    "CC": 1, "DC": 2, "LC": 4, "SW": 8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 1 << 16, "RC": 1 << 17, "WD": 1 << 18, "WO": 1 << 19,
    "GA": 1 << 28, "GX": 1 << 29, "GW": 1 << 30, "GR": 1 << 31,
}  # fmt: skip
_FILE_RIGHTS = {"FA": 0x1F01FF, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200A0}
_KEY_RIGHTS = {"KA": 0xF003F, "KR": 0x20019, "KW": 0x20006, "KX": 0x20019}
_LABEL_RIGHTS = {"NW": 1, "NR": 2, "NX": 4}
_READ_RIGHTS = _RIGHTS | _FILE_RIGHTS | _KEY_RIGHTS | _LABEL_RIGHTS

_COMPONENT = re.compile(r"([OGDS]):", re.IGNORECASE)
_SID = re.compile(r"S-1-(0x[0-9A-F]{1,12}|[0-9]{1,15})((?:-[0-9]{1,10}){1,15})", re.ASCII | re.IGNORECASE)
_ACE_TEXT = re.compile(r"\(([^()]*)\)")
_PAIRS = re.compile(r"(?:[A-Z]{2})*", re.ASCII)
_ACL_FLAGS = re.compile(r"(P?)((?:AR|AI)*)", re.ASCII)
_NONE = "NO_ACCESS_CONTROL"


class CustomAceError(ValueError):
    """An entry has a type that SDDL cannot express, so only the binary form can hold it."""


def from_sddl(text: str) -> SecurityDescriptor:
    """Read SDDL; owner, group and DACL are mandatory, as at Azure Files.

    Raises:
        ValueError: the text is not SDDL, names a SID that depends on a domain, or describes too large a descriptor.
    """
    components: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _COMPONENT.match(text, at)
        if match is None or match[1].upper() in components:
            raise ValueError("no security descriptor in SDDL")
        name = match[1].upper()
        at, components[name] = _component(text, match.end(), name)
    if not {"O", "G", "D"} <= components.keys():
        raise ValueError("a security descriptor needs an owner, a group and a discretionary access control list")
    system = _acl_from_sddl(components["S"]) if "S" in components else None
    descriptor = SecurityDescriptor(
        _sid(components["O"]), _sid(components["G"]), _acl_from_sddl(components["D"]), system
    )
    to_binary(descriptor)
    return descriptor


def _component(text: str, at: int, name: str) -> tuple[int, str]:
    """The end and the text of a component: a SID has a fixed form, a list ends after its last entry."""
    if name in "OG":
        match = _SID.match(text, at)
        end = match.end() if match else at + 2
        return end, text[at:end]
    if text.startswith(_NONE, at):
        return at + len(_NONE), _NONE
    end = at
    while end < len(text) and text[end] not in "(:":
        end += 1
    if end < len(text) and text[end] == ":":  # the flags ended before the letter of the next component
        return end - 1, text[at : end - 1]
    while end < len(text) and text[end] == "(":
        closing = text.find(")", end)
        if closing < 0:
            raise ValueError("an entry has no end")
        end = closing + 1
    return end, text[at:end]


def _acl_from_sddl(text: str) -> Acl:
    if text == _NONE:
        return Acl(None)
    flags, parenthesis, rest = text.partition("(")
    match = _ACL_FLAGS.fullmatch(flags)
    if match is None:
        raise ValueError("unknown flags of a list")
    texts = _ACE_TEXT.findall(parenthesis + rest)
    if "".join(f"({entry})" for entry in texts) != parenthesis + rest:
        raise ValueError("something between the entries")
    entries = tuple(map(_ace_from_sddl, texts))
    return Acl(entries, bool(match[1]), "AR" in match[2], "AI" in match[2])


def _ace_from_sddl(text: str) -> Ace:
    fields = [field.strip() for field in text.split(";")]
    if len(fields) != 6:
        raise ValueError("an entry has six fields")
    kind, flags, rights, object_type, inherited_type, sid = fields
    if kind.upper() not in ACE_TYPES:
        raise ValueError("an entry of an unknown type")
    number = ACE_TYPES[kind.upper()]
    object_guid, inherited_guid = (str(uuid.UUID(guid)) if guid else "" for guid in (object_type, inherited_type))
    if (object_guid or inherited_guid) and number not in OBJECT_TYPES:
        raise ValueError("an entry of this type names no object")
    return Ace(number, _bits(flags, _FLAGS), _mask(rights), _sid(sid), object_guid, inherited_guid)


def _mask(text: str) -> int:
    if text[:1].isdigit():
        mask = int(text, 16 if text[:2].lower() == "0x" else 8 if text.startswith("0") and len(text) > 1 else 10)
        if mask >= 1 << 32:
            raise ValueError("rights have 32 bits")
        return mask
    return _bits(text, _READ_RIGHTS)


def _bits(text: str, names: dict[str, int]) -> int:
    upper = text.upper()
    if not _PAIRS.fullmatch(upper):
        raise ValueError("expected words of two letters")
    bits = 0
    for at in range(0, len(upper), 2):
        if upper[at : at + 2] not in names:
            raise ValueError("an unknown word")
        bits |= names[upper[at : at + 2]]
    return bits


def _sid(text: str) -> str:
    """A SID in its long form, numbers in decimal as Windows writes them."""
    if text.upper() in _SIDS:
        return _SIDS[text.upper()]
    match = _SID.fullmatch(text)
    if match is None:
        raise ValueError("no SID, or one that depends on a domain")
    authority = int(match[1], 16 if match[1][:2].lower() == "0x" else 10)
    parts = [int(part) for part in match[2][1:].split("-")]
    if authority >= 1 << 48 or any(part >= 1 << 32 for part in parts):
        raise ValueError("a number of the SID is too large")
    authority_text = str(authority) if authority < 1 << 32 else f"0x{authority:012X}"
    return "-".join(["S-1", authority_text, *map(str, parts)])


def to_sddl(descriptor: SecurityDescriptor) -> str:
    """The descriptor in the normal form of SDDL.

    Raises:
        CustomAceError: an entry has a type that SDDL has no word for.
    """
    system = descriptor.system or Acl(None)
    owner, group = (_SID_NAMES.get(sid, sid) for sid in (descriptor.owner, descriptor.group))
    return f"O:{owner}G:{group}D:{_acl_to_sddl(descriptor.dacl)}S:{_acl_to_sddl(system)}"


def _acl_to_sddl(acl: Acl) -> str:
    if acl.entries is None:
        return _NONE
    flags = "P" * acl.protected + "AR" * acl.inherit_required + "AI" * acl.inherited
    return flags + "".join(map(_ace_to_sddl, acl.entries))


def _ace_to_sddl(ace: Ace) -> str:
    if ace.type not in _TYPE_NAMES or ace.raw:
        raise CustomAceError("an entry of a type that SDDL has no word for")
    flags = "".join(name for name, bit in _FLAGS.items() if ace.flags & bit)
    sid = _SID_NAMES.get(ace.sid, ace.sid)
    return f"({_TYPE_NAMES[ace.type]};{flags};{_rights(ace)};{ace.object_type};{ace.inherited_type};{sid})"


def _rights(ace: Ace) -> str:
    names = _LABEL_RIGHTS if ace.type == ACE_TYPES["ML"] else _RIGHTS
    exact = next((name for name, mask in _FILE_RIGHTS.items() if mask == ace.mask), None)
    if exact is not None:
        return exact
    if ace.mask & ~sum(names.values()):
        return f"0x{ace.mask:x}"
    return "".join(name for name, bit in names.items() if ace.mask & bit)
