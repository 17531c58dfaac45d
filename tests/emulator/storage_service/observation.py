"""Everything that clients can see of the storage services, in a form in which two runs can be compared."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from tests.emulator.storage_service.lone_storage import (
    ACCOUNT,
    KEEPING,
    OTHER,
    VERSIONED,
    Call,
    LoneStorage,
    StorageResponse,
)

PERMISSIONS = ("9019534368965683656*5184538281715624169", "9776887036413951035*16314010373527873471")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_BEFORE_1970 = 621_355_968_000_000_000
_UNSTEADY = {  # these headers differ from run to run
    "date",
    "x-ms-request-id",
    "x-ms-file-id",
    "x-ms-file-parent-id",
    "x-ms-file-change-time",
    "x-ms-copy-id",
}
_UNSTEADY_ELEMENTS = (
    *("FileId", "DirectoryId", "LastAccessTime", "ChangeTime"),
    *("HandleId", "SessionId", "ParentId"),
)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
_ETAG = re.compile(r"0x[0-9A-F]{15}")
_VERSION = re.compile(r"\b[0-9A-F]{16}\b")

Observation = dict[str, str]


async def observe(storage: LoneStorage, start: datetime, *, restoring: bool = False) -> Observation:
    """The response of each address.

    Args:
        start: when everything was created; times are relative to it.
        restoring: whether to restore deleted shares and observe them, too.
    """
    observed: Observation = {}
    await _observe_files(storage, observed, restoring=restoring)
    await _observe_blobs(storage, observed)
    await _observe_kept_blobs(storage, observed)
    await _observe_other_account(storage, observed)
    return {_steady(key, start): _steady(text, start) for key, text in observed.items()}


async def _observe_files(storage: LoneStorage, observed: Observation, *, restoring: bool) -> None:
    await _look(storage, observed, "file", "GET", "?restype=service&comp=properties")
    shares = await _look(storage, observed, "file", "GET", "?comp=list&include=metadata,snapshots,deleted")
    for share in ET.fromstring(_text(shares)).iter("Share"):
        name, snapshot = share.findtext("Name", ""), share.findtext("Snapshot", "")
        if share.findtext("Deleted"):
            if restoring:
                await _restore(storage, observed, name, share.findtext("Version", ""))
            continue
        await _observe_share(storage, observed, name, f"sharesnapshot={snapshot}" if snapshot else "")


async def _restore(storage: LoneStorage, observed: Observation, name: str, version: str) -> None:
    headers = (("x-ms-deleted-share-name", name), ("x-ms-deleted-share-version", version))
    new_name = f"restored-{name}"
    response = await storage.ask(Call("file", "PUT", f"{new_name}?restype=share&comp=undelete", headers))
    assert response.status == 201, response
    await _observe_share(storage, observed, new_name, "")


async def _observe_share(storage: LoneStorage, observed: Observation, name: str, query: str) -> None:
    # The usage is not observed: an undone write may leave a block of zeros where a hole was.
    for resource in ("restype=share", *(() if query else ("restype=share&comp=acl",))):
        await _look(storage, observed, "file", "GET", f"{name}?{resource}&{query}")
    for key in PERMISSIONS:
        key_header = ("x-ms-file-permission-key", key)
        await _look(storage, observed, "file", "GET", f"{name}?restype=share&comp=filepermission&{query}", key_header)
    below = ("x-ms-recursive", "true")
    await _look(storage, observed, "file", "GET", f"{name}?comp=listhandles&{query}", below)
    await _observe_directory(storage, observed, name, query)


async def _observe_directory(storage: LoneStorage, observed: Observation, path: str, query: str) -> None:
    if "/" in path:  # the time of a share's root is the one on disk
        await _look(storage, observed, "file", "GET", f"{path}?restype=directory&{query}")
    include = "include=timestamps,etag,attributes,permissionkey"
    listed = await _look(storage, observed, "file", "GET", f"{path}?restype=directory&comp=list&{include}&{query}")
    entries = ET.fromstring(_text(listed)).find("Entries")
    assert entries is not None
    for entry in entries:
        below = f"{path}/{entry.findtext('Name')}"
        if entry.tag == "Directory":
            await _observe_directory(storage, observed, below, query)
        else:
            await _look(storage, observed, "file", "GET", f"{below}?{query}")
            await _look(storage, observed, "file", "HEAD", f"{below}?{query}")
            await _look(storage, observed, "file", "GET", f"{below}?comp=rangelist&{query}")
            await _look(storage, observed, "file", "GET", f"{below}?restype=symboliclink&{query}")


async def _observe_blobs(storage: LoneStorage, observed: Observation) -> None:
    await _look(storage, observed, "blob", "GET", "?restype=service&comp=properties")
    containers = await _look(storage, observed, "blob", "GET", "?comp=list&include=metadata")
    for container in ET.fromstring(_text(containers)).iter("Container"):
        name = container.findtext("Name", "")
        await _look(storage, observed, "blob", "GET", f"{name}?restype=container")
        await _look(storage, observed, "blob", "GET", f"{name}?restype=container&comp=acl")
        listed = await _look(storage, observed, "blob", "GET", f"{name}?restype=container&comp=list&include=metadata")
        blobs = {blob.findtext("Name", "") for blob in ET.fromstring(_text(listed)).iter("Blob")}
        for blob in sorted(blobs):
            await _look(storage, observed, "blob", "GET", f"{name}/{blob}")
            await _look(storage, observed, "blob", "HEAD", f"{name}/{blob}")
            await _look(storage, observed, "blob", "GET", f"{name}/{blob}?comp=pagelist")
        for blob in sorted(blobs | {"a", "b", "d", "new/c"}):
            await _look(storage, observed, "blob", "GET", f"{name}/{blob}?comp=blocklist&blocklisttype=all")
        await _observe_earlier(storage, observed, name, ACCOUNT)


async def _observe_kept_blobs(storage: LoneStorage, observed: Observation) -> None:
    await _look(storage, observed, "blob", "GET", "?restype=service&comp=properties", account=KEEPING)
    for account in (KEEPING, VERSIONED):
        await _observe_earlier(storage, observed, "box", account)


async def _observe_earlier(storage: LoneStorage, observed: Observation, container: str, account: str) -> None:
    """Observe the current and earlier states of the blobs of a container."""
    query = "restype=container&comp=list&include=metadata,snapshots,deleted,versions,tags"
    listed = await _look(storage, observed, "blob", "GET", f"{container}?{query}", account=account)
    for blob in ET.fromstring(_text(listed)).iter("Blob"):
        if blob.findtext("Deleted"):
            continue
        moments = [("snapshot", blob.findtext("Snapshot")), ("versionid", blob.findtext("VersionId"))]
        query = "&".join(f"{name}={moment}" for name, moment in moments if moment)
        await _look(storage, observed, "blob", "GET", f"{container}/{blob.findtext('Name')}?{query}", account=account)


async def _observe_other_account(storage: LoneStorage, observed: Observation) -> None:
    for service, path in (
        ("file", "?comp=list&include=metadata,deleted"),
        ("file", "one/f"),
        ("blob", "?comp=list&include=metadata"),
        ("blob", "one/b"),
        ("blob", "one/c?comp=blocklist&blocklisttype=all"),
    ):
        response = await storage.ask(Call(service, "GET", path, account=OTHER))
        shown = (
            "refused"
            if response.status == 403
            else "\n".join([str(response.status), *_headers(response), _body(response)])
        )
        observed[f"{OTHER} {service} {path}"] = shown


async def _look(
    storage: LoneStorage,
    observed: Observation,
    service: str,
    method: str,
    path: str,
    *headers: tuple[str, str],
    account: str = ACCOUNT,
) -> StorageResponse:
    response = await storage.ask(Call(service, method, path.rstrip("?&"), headers, account=account))
    observed[" ".join([account, service, method, path, *(value for _, value in headers)])] = "\n".join(
        [str(response.status), *_headers(response), _body(response)]
    )
    return response


def _headers(response: StorageResponse) -> Iterator[str]:
    yield from sorted(f"{name}: {value}" for name, value in response.headers if name not in _UNSTEADY)


def _text(response: StorageResponse) -> str:
    return response.body.decode("utf-8-sig")


def _body(response: StorageResponse) -> str:
    if response.status >= 300:
        return re.sub("RequestId:.*?</Message>", "</Message>", _text(response), flags=re.DOTALL)
    if response.body.startswith(b"\xef\xbb\xbf"):
        text = _text(response)
        for element in _UNSTEADY_ELEMENTS:
            text = re.sub(f"<{element}>.*?</{element}>", "", text)
        return text
    return f"{len(response.body)} bytes {hashlib.sha256(response.body).hexdigest()}"


def _steady(text: str, start: datetime) -> str:
    """A text with times relative to the start."""

    def http_date(match: re.Match[str]) -> str:
        at = datetime.strptime(match[0], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        return f"[{(at - start.replace(microsecond=0)).total_seconds():.0f} s]"

    def stamp(match: re.Match[str]) -> str:
        at = datetime.strptime(match[0][:-2] + "Z", "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return f"[{(at - start) // timedelta(microseconds=1)} us {match[0][-2]}]"

    first = (start - _EPOCH) // timedelta(microseconds=1) * 10

    def etag(match: re.Match[str]) -> str:
        return f"[{int(match[0], 16) - _TICKS_BEFORE_1970 - first} ticks]"

    def version(match: re.Match[str]) -> str:
        return f"[{int(match[0], 16) - first} ticks]"

    text = _STAMP.sub(stamp, _HTTP_DATE.sub(http_date, text))
    return _VERSION.sub(version, _ETAG.sub(etag, text))
