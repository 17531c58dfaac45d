"""SMB and NFS properties of files and directories: attributes, times, permissions, as headers."""

from collections.abc import Callable

from msgspec.structs import replace

from harness.emulator.context import Request
from harness.emulator.providers.files.errors import invalid_permission_key
from harness.emulator.providers.files.model import Nfs, Smb
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.permissions import INHERITED_KEY, Form, parse_form
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.storage_service import errors, timestamps
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.signatures import parse_time

SINCE = "2019-02-02"  # the first version with SMB properties

_ATTRIBUTES = (
    "ReadOnly",
    "Hidden",
    "System",
    "Directory",
    "Archive",
    "Offline",
    "Temporary",
    "NotContentIndexed",
    "NoScrubData",
)
_MODES = {"Directory": "0755", "SymLink": "0777", "Regular": "0664"}  # the defaults
_PRESERVE = ("preserve", "source")
_PERMISSION_LIMIT = 8 << 10  # characters of a permission in a header; a longer one needs a key


def from_request(
    request: Request,
    before: Smb,
    *,
    now: int,
    directory: bool,
    find_permission: Callable[[str], bool],
    keep_permission: Callable[[str, Form], str],
) -> Smb:
    """The SMB properties after a request that sets them.

    Args:
        before: the present properties, for those that the request preserves.
        now: the time of the request (ns).
        find_permission: tests whether the share has a permission with a key.
        keep_permission: stores a security descriptor in the share; returns its key.

    Raises:
        StorageError: a value is not allowed.
    """
    header = request.headers.get
    return Smb(
        attributes=_attributes(header("x-ms-file-attributes", ""), before.attributes, directory=directory),
        permission_key=_permission(request, before.permission_key, find_permission, keep_permission),
        created=_time(request, "x-ms-file-creation-time", before.created or "now", now),
        written=_time(request, "x-ms-file-last-write-time", before.written or "now", now),
        changed=_time(request, "x-ms-file-change-time", "now", now),
    )


def _attributes(text: str, before: str, *, directory: bool) -> str:
    names = [name.strip() for name in text.replace(",", "|").split("|") if name.strip()]
    lowered = [name.lower() for name in names]
    if not names or lowered[0] in _PRESERVE:
        return before or default_attributes(directory=directory)
    if lowered == ["none"]:
        return default_attributes(directory=directory)
    attributes = {name.lower() for name in _ATTRIBUTES}
    if not attributes.issuperset(lowered) or (not directory and "directory" in lowered):
        raise errors.invalid_header("x-ms-file-attributes")
    selected = set(lowered) | ({"directory"} if directory else set())
    if not before and not directory:
        selected.add("archive")  # as every new file has it
    return " | ".join(name for name in _ATTRIBUTES if name.lower() in selected)


def default_attributes(*, directory: bool) -> str:
    """The attributes of entries that a job made, or that were created without any."""
    return "Directory" if directory else "Archive"


def _time(request: Request, name: str, before: str, now: int) -> str:
    text = request.headers.get(name, "")
    if not text or text.lower() in _PRESERVE:
        text = before
    if text.lower() == "now":
        return timestamps.stamp(now)
    parsed = parse_time(text)
    if parsed is None or parsed.year < 1601:
        raise errors.invalid_header(name)
    return (
        text if len(text) == len("2020-01-01T00:00:00.0000000Z") else timestamps.stamp(timestamps.nanoseconds(parsed))
    )


def _permission(request: Request, before: str, find: Callable[[str], bool], keep: Callable[[str, Form], str]) -> str:
    text, key = request.headers.get("x-ms-file-permission", ""), request.headers.get("x-ms-file-permission-key", "")
    if text and key:
        raise errors.invalid_header("x-ms-file-permission-key")
    if len(text) > _PERMISSION_LIMIT:
        raise errors.invalid_header("x-ms-file-permission")
    if key and key.lower() not in _PRESERVE:
        if not find(key):
            raise invalid_permission_key()
        return key
    if not text or text.lower() in _PRESERVE:
        return before or INHERITED_KEY
    if text.lower() == "inherit":
        return INHERITED_KEY
    header = "x-ms-file-permission-format"
    return keep(text, parse_form(request.headers.get(header, ""), header))


def properties(item: ShareItem) -> Smb:
    """The SMB properties of a file or directory: those in its record; the others come from the disk."""
    smb, entry = item.properties.smb, item.entry
    written = smb.written or timestamps.stamp(entry.modified_ns)
    return Smb(
        attributes=smb.attributes or default_attributes(directory=entry.is_directory),
        permission_key=smb.permission_key or INHERITED_KEY,
        created=smb.created or written,
        written=written,
        changed=smb.changed or timestamps.stamp(entry.changed_ns),
    )


def headers(item: ShareItem, version: str) -> list[tuple[str, str]]:
    """The SMB or NFS headers of a file or directory, if the version has them."""
    if version < SINCE:
        return []
    smb = properties(item)
    path, parent = item.path, item.path.tree.parent_inode(item.path.names)
    shared = [
        ("x-ms-file-creation-time", smb.created),
        ("x-ms-file-last-write-time", smb.written),
        ("x-ms-file-change-time", smb.changed),
        ("x-ms-file-id", str(item.entry.inode) if path.names else "0"),
        ("x-ms-file-parent-id", str(parent)),
    ]
    if is_nfs(path.share):
        return [*shared, *nfs_headers(item.properties.nfs or Nfs(), item.entry)]
    return [("x-ms-file-attributes", smb.attributes), ("x-ms-file-permission-key", smb.permission_key), *shared]


def nfs_from_request(request: Request, before: Nfs) -> Nfs:
    """The NFS properties after a request that sets them.

    Raises:
        StorageError: the mode is not an octal number.
    """
    mode = request.headers.get("x-ms-mode", before.mode)
    if mode and not (len(mode) <= 5 and set(mode) <= set("01234567")):
        raise errors.invalid_header("x-ms-mode")
    header = request.headers.get
    return replace(
        before, owner=header("x-ms-owner", before.owner), group=header("x-ms-group", before.group), mode=mode
    )


def nfs_headers(nfs: Nfs, entry: Entry) -> list[tuple[str, str]]:
    """The NFS properties of an entry as headers."""
    kind = "Directory" if entry.is_directory else "SymLink" if entry.is_link else "Regular"
    return [
        ("x-ms-owner", nfs.owner),
        ("x-ms-group", nfs.group),
        ("x-ms-mode", nfs.mode or _MODES[kind]),
        ("x-ms-file-file-type", kind),
        ("x-ms-link-count", "2" if entry.is_directory else str(entry.links)),
    ]
