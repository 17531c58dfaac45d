"""Every operation of the storage services that changes something, and the calls that prepare the storage."""

import base64
import hashlib
import os
from dataclasses import replace
from pathlib import Path

from tests.emulator.storage_service.lone_storage import ACCOUNT, KEEPING, OTHER, VERSIONED, Call, LoneStorage

LEASE = "11111111-1111-1111-1111-111111111111"
OTHER_LEASE = "22222222-2222-2222-2222-222222222222"
_FILE = ("x-ms-type", "file")
_URL = f"https://{ACCOUNT}.file.core.windows.net"
# The keys of this permission, and of the one that is created, are in ``observation``.
_SDDL = b'{"permission": "O:SYG:SYD:(A;;FA;;;WD)"}'


def _file(path: str, body: bytes, *more: tuple[str, str], length: int | None = None) -> Call:
    size = ("x-ms-content-length", str(len(body) if length is None else length))
    return Call("file", "PUT", path, (_FILE, size, *more), body)


def _blob(path: str, body: bytes, *more: tuple[str, str]) -> Call:
    return Call("blob", "PUT", path, (("x-ms-blob-type", "BlockBlob"), *more), body)


def _create_blob(path: str, kind: str, *more: tuple[str, str]) -> Call:
    """An append blob, or a page blob of 300 KiB."""
    length = (("x-ms-blob-content-length", str(300 << 10)),) if kind == "PageBlob" else ()
    return Call("blob", "PUT", path, (("x-ms-blob-type", kind), *length, *more))


def _append(path: str, body: bytes) -> Call:
    return Call("blob", "PUT", f"{path}?comp=appendblock", (), body)


def _pages(path: str, first: int, body: bytes) -> Call:
    range_header = ("x-ms-range", f"bytes={first}-{first + len(body) - 1}")
    return Call("blob", "PUT", f"{path}?comp=page", (("x-ms-page-write", "update"), range_header), body)


def _copy(path: str, source: str, *more: tuple[str, str]) -> Call:
    url = ("x-ms-copy-source", f"https://{ACCOUNT}.blob.core.windows.net/{source}")
    return Call("blob", "PUT", path, (url, *more))


def _block(path: str, name: str, body: bytes) -> Call:
    return Call("blob", "PUT", f"{path}?comp=block&blockid={_id(name)}", (), body)


def _commit(path: str, *names: str, **more: str) -> Call:
    listed = "".join(f"<Latest>{_id(name)}</Latest>" for name in names)
    headers = tuple((f"x-ms-meta-{name}", value) for name, value in more.items())
    return Call("blob", "PUT", f"{path}?comp=blocklist", headers, f"<BlockList>{listed}</BlockList>".encode())


def _id(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


def _range(path: str, first: int, body: bytes, *more: tuple[str, str]) -> Call:
    range_header = ("x-ms-range", f"bytes={first}-{first + len(body) - 1}")
    return Call("file", "PUT", f"{path}?comp=range", (("x-ms-write", "update"), range_header, *more), body)


def _meta(value: str) -> tuple[str, str]:
    return ("x-ms-meta-of", value)


def _lease(service: str, path: str, lease: str = LEASE) -> Call:
    headers = (("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1"), ("x-ms-proposed-lease-id", lease))
    return Call(service, "PUT", f"{path}{'&' if '?' in path else '?'}comp=lease", headers)


def _rename(path: str, new_path: str, *more: tuple[str, str], directory: bool = False) -> Call:
    query = "?restype=directory&comp=rename" if directory else "?comp=rename"
    return Call("file", "PUT", new_path + query, (("x-ms-file-rename-source", f"{_URL}/{path}"), *more))


def _hard_link(path: str, target: str) -> Call:
    return Call("file", "PUT", f"{path}?restype=hardlink", (_FILE, ("x-ms-file-target-file", target)))


def _symbolic_link(path: str, text: str) -> Call:
    return Call("file", "PUT", f"{path}?restype=symboliclink", (("x-ms-link-text", text), _meta("link")))


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


_MD5 = ("x-ms-content-md5", base64.b64encode(b"m" * 16).decode())

_SNAPSHOTS = ("x-ms-delete-snapshots", "include")
_RETENTION = (
    b"<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>"
    b"</StorageServiceProperties>"
)


def _versioned(call: Call) -> Call:
    """The same call in the account with versioning."""
    return replace(call, account=VERSIONED)


def _with_soft_delete(call: Call) -> Call:
    """The same call in the account with soft delete."""
    return replace(call, account=KEEPING)


def _snapshot(path: str, *more: tuple[str, str]) -> Call:
    return Call("blob", "PUT", f"{path}?comp=snapshot", more)


BEFORE = (
    Call("file", "PUT", "data?restype=share", (_meta("data"),)),
    Call("file", "PUT", "data?restype=share&comp=filepermission", (), _SDDL),
    Call("file", "PUT", "data/dir?restype=directory", (_meta("dir"),)),
    Call("file", "PUT", "data/empty?restype=directory", (_meta("empty"),)),
    Call("file", "PUT", "data/full?restype=directory", (_meta("full"),)),
    Call("file", "PUT", "data/full/sub?restype=directory", (_meta("sub"),)),
    _file("data/full/x", b"x" * 10, _meta("x")),
    _file("data/full/sub/y", b"y" * 10, _meta("y")),
    _file("data/f", b"f" * 9000, _meta("f"), _MD5, ("x-ms-content-type", "text/plain"), length=300_000),
    _file("data/dir/leased", b"l" * 10, _meta("leased")),
    _lease("file", "data/dir/leased"),
    Call("file", "PUT", "data/dir/leased?comp=openhandle"),
    Call("file", "PUT", "data?restype=share&comp=snapshot"),
    _range("data/f", 200_000, b"later" * 1000),
    Call("file", "PUT", "gone?restype=share", (_meta("gone"),)),
    _file("gone/f", b"g" * 10, _meta("gone f")),
    Call("file", "DELETE", "gone?restype=share"),
    Call("file", "PUT", "spare?restype=share", (_meta("spare"),)),
    _file("spare/f", b"s" * 10, _meta("spare f")),
    Call("file", "PUT", "spare?restype=share&comp=snapshot"),
    Call("file", "PUT", "nfs?restype=share", (_meta("nfs"), ("x-ms-enabled-protocols", "NFS"))),
    Call("file", "PUT", "nfs/dir?restype=directory", (_meta("dir"),)),
    _file("nfs/f", b"f" * 10, _meta("f")),
    _file("nfs/first", b"p" * 10, _meta("pair"), ("x-ms-owner", "7")),
    _hard_link("nfs/dir/second", "first"),
    _symbolic_link("nfs/link", "/anywhere"),
    Call("blob", "PUT", "box?restype=container", (_meta("box"),)),
    _blob("box/a", b"a" * 10, _meta("a")),
    _blob("box/p/q/r", b"r" * 10, _meta("r")),
    _blob("box/p/s", b"s" * 10, _meta("s")),
    _blob("box/folder", b"", ("x-ms-meta-hdi_isfolder", "true"), _meta("folder")),
    _block("box/b", "1", b"1" * 10),
    _block("box/b", "2", b"2" * 10),
    _commit("box/b", "1", "2", of="b"),
    _block("box/b", "3", b"3" * 10),
    _block("box/new/c", "1", b"1" * 10),
    Call("blob", "PUT", "spare?restype=container", (_meta("spare"),)),
    _blob("spare/a", b"a" * 10, _meta("spare a")),
    _create_blob("box/log", "AppendBlob", _meta("log")),
    _append("box/log", b"l" * 9000),
    _create_blob("box/disk", "PageBlob", ("x-ms-blob-sequence-number", "7"), _meta("disk")),
    _pages("box/disk", 4096, b"d" * 512 * 20),
    _block("spare/b", "1", b"1" * 10),
    _blob("box/t/taken", b"t" * 10, _meta("taken")),
    _snapshot("box/t/taken", _meta("snapshot")),
    _snapshot("box/t/taken"),
    *(
        _versioned(call)
        for call in (
            Call("blob", "PUT", "box?restype=container"),
            _blob("box/a", b"1" * 10, _meta("first")),
            _blob("box/a", b"2" * 20, _meta("second")),
            _blob("box/g/gone", b"1" * 10, _meta("gone")),
            Call("blob", "DELETE", "box/g/gone"),
        )
    ),
    *(
        _with_soft_delete(call)
        for call in (
            Call("blob", "PUT", "?restype=service&comp=properties", (), _RETENTION),
            Call("blob", "PUT", "box?restype=container"),
            _blob("box/a", b"a" * 10, _meta("a")),
            _snapshot("box/a"),
            _blob("box/g/gone", b"1" * 10, _meta("first")),
            _blob("box/g/gone", b"2" * 20, _meta("second")),
            _snapshot("box/g/gone"),
            Call("blob", "DELETE", "box/g/gone", (_SNAPSHOTS,)),
        )
    ),
    *(
        replace(call, account=OTHER)
        for call in (
            Call("file", "PUT", "one?restype=share", (_meta("one"),)),
            _file("one/f", b"f" * 10, _meta("other f")),
            Call("file", "PUT", "two?restype=share", (_meta("two"),)),
            Call("file", "DELETE", "two?restype=share"),
            Call("account", "PUT", OTHER),
            Call("blob", "PUT", "one?restype=container", (_meta("one"),)),
            _blob("one/b", b"b" * 10, _meta("other b")),
            _block("one/c", "1", b"1" * 10),
        )
    ),
)  # fmt: skip

_SETTINGS = (
    b"<StorageServiceProperties><Cors><CorsRule><AllowedOrigins>*</AllowedOrigins><AllowedMethods>GET</AllowedMethods>"
    b"<AllowedHeaders>*</AllowedHeaders><ExposedHeaders>*</ExposedHeaders><MaxAgeInSeconds>5</MaxAgeInSeconds>"
    b"</CorsRule></Cors></StorageServiceProperties>"
)
_POLICY = (
    b"<SignedIdentifiers><SignedIdentifier><Id>i</Id><AccessPolicy><Permission>r</Permission></AccessPolicy>"
    b"</SignedIdentifier></SignedIdentifiers>"
)
_REPLACE = ("x-ms-file-rename-replace-if-exists", "true")

OPERATIONS = {
    "files: set service properties": Call("file", "PUT", "?restype=service&comp=properties", (), _SETTINGS),
    "create share": Call("file", "PUT", "new?restype=share", (_meta("new"),)),
    "create share where one was deleted": Call("file", "PUT", "gone?restype=share", (_meta("new"),)),
    "set share metadata": Call("file", "PUT", "data?restype=share&comp=metadata", (_meta("other"),)),
    "set share properties": Call("file", "PUT", "data?restype=share&comp=properties", (("x-ms-share-quota", "7"),)),
    "set share acl": Call("file", "PUT", "data?restype=share&comp=acl", (), _POLICY),
    "lease share": _lease("file", "data?restype=share"),
    "snapshot share": Call("file", "PUT", "data?restype=share&comp=snapshot", (_meta("snapshot"),)),
    "delete share": Call("file", "DELETE", "spare?restype=share", (("x-ms-delete-snapshots", "include"),)),
    "delete share for good": replace(Call("file", "DELETE", "one?restype=share"), account=OTHER),
    "restore share": Call(
        "file",
        "PUT",
        "gone?restype=share&comp=undelete",
        (("x-ms-deleted-share-name", "gone"), ("x-ms-deleted-share-version", "{version}")),
    ),
    "delete snapshot": Call("file", "DELETE", "data?restype=share&sharesnapshot={snapshot}"),
    "create permission": Call(
        "file", "PUT", "data?restype=share&comp=filepermission", (), _SDDL.replace(b"FA", b"FR")
    ),
    "create directory": Call("file", "PUT", "data/dir/new?restype=directory", (_meta("new"),)),
    "delete directory": Call("file", "DELETE", "data/empty?restype=directory"),
    "set directory metadata": Call("file", "PUT", "data/dir?restype=directory&comp=metadata", (_meta("other"),)),
    "set directory properties": Call(
        "file", "PUT", "data/dir?restype=directory&comp=properties", (("x-ms-file-attributes", "Hidden"),)
    ),
    "rename directory": _rename("data/full", "data/dir/renamed", _meta("renamed"), directory=True),
    "rename directory to another casing": _rename("data/full", "data/FULL", _meta("renamed"), directory=True),
    "open handle": Call("file", "PUT", "data/full/x?comp=openhandle"),
    "force close handles": Call(
        "file", "PUT", "data?comp=forceclosehandles", (("x-ms-handle-id", "*"), ("x-ms-recursive", "true"))
    ),
    "create file": _file("data/dir/new", b"", _meta("new"), length=5000),
    "create file with content": _file("data/dir/new", b"n" * 5000, _meta("new")),
    "replace file": _file("data/f", b"n" * 5000, _meta("new")),
    "replace leased file": _file("data/dir/leased", b"n" * 50, _meta("new"), ("x-ms-lease-id", LEASE)),
    "delete file": Call("file", "DELETE", "data/f"),
    "set file metadata": Call("file", "PUT", "data/f?comp=metadata", (_meta("other"),)),
    "set file metadata of what a job made": Call("file", "PUT", "data/job.txt?comp=metadata", (_meta("other"),)),
    "set file properties": Call(
        "file", "PUT", "data/f?comp=properties", (("x-ms-file-attributes", "Hidden"), ("x-ms-content-type", "a/b"))
    ),
    "shorten file": Call("file", "PUT", "data/f?comp=properties", (("x-ms-content-length", "50"), _MD5)),
    "lengthen file": Call("file", "PUT", "data/f?comp=properties", (("x-ms-content-length", "400000"),)),
    "put range where nothing is": _range("data/f", 100_000, b"n" * 100),
    "put range over data": _range("data/f", 8000, b"n" * 3000),
    "put large range": _range("data/f", 4000, os.urandom(200_000)),
    "put range with md5": _range("data/f", 10, b"n" * 100, ("content-md5", _md5(b"n" * 100))),
    "clear range": Call(
        "file", "PUT", "data/f?comp=range", (("x-ms-write", "clear"), ("x-ms-range", "bytes=0-8191"))
    ),
    "rename file": _rename("data/f", "data/dir/renamed", _meta("renamed")),
    "rename file over another": _rename("data/full/x", "data/f", _REPLACE, _meta("renamed")),
    "rename file to another casing": _rename("data/f", "data/F", _meta("renamed")),
    "copy file": Call("file", "PUT", "data/dir/copy", (("x-ms-copy-source", f"{_URL}/data/f"), _meta("copy"))),
    "copy file over another": Call("file", "PUT", "data/full/x", (("x-ms-copy-source", f"{_URL}/data/f"),)),
    "create hard link": _hard_link("nfs/dir/new", "f"),
    "create further hard link": _hard_link("nfs/third", "dir/second"),
    "create symbolic link": _symbolic_link("nfs/dir/new", "../f"),
    "delete symbolic link": Call("file", "DELETE", "nfs/link"),
    "rename symbolic link": _rename("nfs/link", "nfs/dir/renamed"),
    "delete one name": Call("file", "DELETE", "nfs/first"),
    "rename one name": _rename("nfs/first", "nfs/dir/renamed", _meta("renamed")),
    "rename one name over another file": _rename("nfs/first", "nfs/f", _REPLACE, _meta("renamed")),
    "replace one name": _file("nfs/first", b"n" * 50, _meta("new")),
    "set metadata by one name": Call("file", "PUT", "nfs/dir/second?comp=metadata", (_meta("other"),)),
    "put range by one name": _range("nfs/dir/second", 3, b"n" * 5),
    "snapshot share of links": Call("file", "PUT", "nfs?restype=share&comp=snapshot", (_meta("snapshot"),)),
    "lease file": _lease("file", "data/f"),
    "release file": Call(
        "file", "PUT", "data/dir/leased?comp=lease", (("x-ms-lease-action", "release"), ("x-ms-lease-id", LEASE))
    ),
    "blobs: set service properties": Call("blob", "PUT", "?restype=service&comp=properties", (), _SETTINGS),
    "create container": Call("blob", "PUT", "new?restype=container", (_meta("new"),)),
    "delete container": Call("blob", "DELETE", "spare?restype=container"),
    "set container metadata": Call("blob", "PUT", "box?restype=container&comp=metadata", (_meta("other"),)),
    "set container acl": Call("blob", "PUT", "box?restype=container&comp=acl", (), _POLICY),
    "lease container": _lease("blob", "box?restype=container"),
    "put blob": _blob("box/new", b"n" * 5000, _meta("new")),
    "put blob in new folders": _blob("box/p/x/y/z", b"n" * 5000, _meta("new")),
    "replace blob": _blob("box/a", b"n" * 5000, _meta("new")),
    "put large blob": _blob("box/a", os.urandom(200_000), _meta("new")),
    "put folder": _blob("box/p/fold", b"", ("x-ms-meta-hdi_isfolder", "true"), _meta("new")),
    "put folder that blobs need": _blob("box/p/q", b"", ("x-ms-meta-hdi_isfolder", "true"), _meta("new")),
    "delete blob": Call("blob", "DELETE", "box/a"),
    "delete blob with its folders": Call("blob", "DELETE", "box/p/q/r"),
    "delete folder": Call("blob", "DELETE", "box/folder"),
    "set blob metadata": Call("blob", "PUT", "box/a?comp=metadata", (_meta("other"),)),
    "set blob properties": Call("blob", "PUT", "box/b?comp=properties", (("x-ms-blob-content-type", "a/b"),)),
    "lease blob": _lease("blob", "box/a"),
    "put block": _block("box/b", "4", b"4" * 10),
    "put first block": _block("box/d", "1", b"1" * 10),
    "replace block": _block("box/b", "3", b"x" * 20),
    "commit blocks": _commit("box/new/c", "1", of="c"),
    "set blob tier": Call("blob", "PUT", "box/a?comp=tier", (("x-ms-access-tier", "Archive"),)),
    "set blob tags": Call(
        "blob", "PUT", "box/a?comp=tags", (), b"<Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags>"
    ),
    "snapshot blob": _snapshot("box/a", _meta("snapshot")),
    "replace blob that has snapshots": _blob("box/t/taken", b"n" * 50, _meta("new")),
    "delete snapshot of blob": Call("blob", "DELETE", "box/t/taken?snapshot={snapshot of blob}"),
    "delete snapshots of blob": Call("blob", "DELETE", "box/t/taken", (("x-ms-delete-snapshots", "only"),)),
    "delete blob with its snapshots": Call("blob", "DELETE", "box/t/taken", (_SNAPSHOTS,)),
    "replace blob that is kept": _with_soft_delete(_blob("box/a", b"n" * 50, _meta("new"))),
    "delete blob that is kept": _with_soft_delete(Call("blob", "DELETE", "box/a", (_SNAPSHOTS,))),
    "delete snapshot that is kept": _with_soft_delete(Call("blob", "DELETE", "box/a?snapshot={snapshot of blob}")),
    "put blob where one was deleted": _with_soft_delete(_blob("box/g/gone", b"n" * 50, _meta("new"))),
    "replace blob that has versions": _versioned(_blob("box/a", b"n" * 50, _meta("new"))),
    "set metadata of blob that has versions": _versioned(Call("blob", "PUT", "box/a?comp=metadata", (_meta("other"),))),
    "snapshot blob that has versions": _versioned(_snapshot("box/a")),
    "delete blob that has versions": _versioned(Call("blob", "DELETE", "box/a")),
    "delete version": _versioned(Call("blob", "DELETE", "box/a?versionid={snapshot}")),
    "put blob where one was deleted that has versions": _versioned(_blob("box/g/gone", b"n" * 50, _meta("new"))),
    "undelete blob": _with_soft_delete(Call("blob", "PUT", "box/g/gone?comp=undelete")),
    "make append blob": _create_blob("box/p/new", "AppendBlob", _meta("new")),
    "replace append blob": _create_blob("box/log", "AppendBlob", _meta("new")),
    "append block": _append("box/log", b"n" * 100),
    "append large block": _append("box/log", os.urandom(200_000)),
    "seal append blob": Call("blob", "PUT", "box/log?comp=seal"),
    "make page blob": _create_blob("box/new", "PageBlob", _meta("new")),
    "put pages where none are": _pages("box/disk", 102_400, b"n" * 512),
    "put pages over others": _pages("box/disk", 2048, b"n" * 4096),
    "put many pages": _pages("box/disk", 512, os.urandom(512 * 400)),
    "clear pages": Call(
        "blob", "PUT", "box/disk?comp=page", (("x-ms-page-write", "clear"), ("x-ms-range", "bytes=0-8191"))
    ),
    "shorten page blob": Call("blob", "PUT", "box/disk?comp=properties", (("x-ms-blob-content-length", "8192"),)),
    "lengthen page blob": Call("blob", "PUT", "box/disk?comp=properties", (("x-ms-blob-content-length", "524288"),)),
    "set sequence number": Call(
        "blob", "PUT", "box/disk?comp=properties", (("x-ms-sequence-number-action", "increment"),)
    ),
    "copy blob": _copy("box/p/x/copy", "box/b", _meta("copy")),
    "copy blob over another": _copy("box/a", "box/b"),
    "copy append blob": _copy("box/copy", "box/log"),
    "copy page blob": _copy("box/copy", "box/disk"),
    "delete account": Call("account", "DELETE", OTHER),
    "commit blocks of a blob that is there": _commit("box/b", "1", "3", of="new"),
}  # fmt: skip


def prepare(storage: LoneStorage, at: int) -> None:
    """Write what a job leaves on the share and in the container, with a time (ns)."""
    share, container = storage.directory / "file" / "data", storage.directory / "blob" / "box"
    for directory in (share, container):
        Path(directory, "jobs").mkdir()
        Path(directory, "jobs", "log").write_text("by a job")
    Path(share, "job.txt").write_text("by a job")
    for path in (*share.glob("job*"), *share.glob("jobs/*"), *container.glob("jobs/*"), container / "jobs"):
        os.utime(path, ns=(at, at))
