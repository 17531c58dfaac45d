"""Access tiers of blobs, and what a blob shows and allows in each; pure.

Source: Microsoft's "Set Blob Tier" and "Blob rehydration from the archive tier".
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service import conditions, errors, timestamps
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.wire import http_date

HEADER, PRIORITY = "x-ms-access-tier", "x-ms-rehydrate-priority"
ARCHIVE = "Archive"
REHYDRATION = timedelta(seconds=2)  # the time that rehydration takes; hours at Azure

_SMART = "Smart"  # Azure moves such a blob between the others; here it stays hot
_STANDARD = ("Hot", "Cool", "Cold", _SMART, ARCHIVE)
_PREMIUM = ("P4", "P6", "P10", "P15", "P20", "P30", "P40", "P50", "P60", "P70", "P80")
_PRIORITIES = ("Standard", "High")


def written(headers: Mapping[str, str], kind: str = "") -> str:
    """The tier that a request gives the blob that it writes; empty if it names none.

    Args:
        kind: the type of the blob, if it differs from the one that the request names.

    Raises:
        StorageError: there is no such tier for it.
    """
    if not headers.get(HEADER):
        return ""
    types = {"pageblob": "PageBlob", "appendblob": "AppendBlob"}
    return _known(headers[HEADER], kind or types.get(headers.get("x-ms-blob-type", "").lower(), "BlockBlob"))


def settled(blob: Blob, now: datetime) -> Blob:
    """A blob as it is at a moment: its rehydration ends after a while."""
    if not blob.tier_next or now < timestamps.at(blob.tier_changed) + REHYDRATION:
        return blob
    done = blob.tier_changed + REHYDRATION // timedelta(microseconds=1) * 1000
    return replace(blob, tier=blob.tier_next, tier_next="", tier_priority="", tier_changed=done)


def moved(blob: Blob, headers: Mapping[str, str], now: datetime) -> Blob:
    """A blob after Set Blob Tier.

    Raises:
        StorageError: there is no such tier for it, or it is being rehydrated.
    """
    if not headers.get(HEADER):
        raise errors.missing_header(HEADER)
    tier, priority = _known(headers[HEADER], blob.kind), _priority(headers)
    blob = settled(blob, now)
    if blob.tier_next:
        if tier != blob.tier_next:
            raise _being_rehydrated()
        return replace(blob, tier_priority=priority if priority == "High" else blob.tier_priority)
    at = timestamps.nanoseconds(now)
    if blob.tier == ARCHIVE and tier != ARCHIVE:
        return replace(blob, tier_next=tier, tier_priority=priority, tier_changed=at)
    return blob if blob.tier == tier else replace(blob, tier=tier, tier_changed=at)


def check_online(blob: Blob, now: datetime, *, access: Literal["read", "write"]) -> None:
    """Refuse a request that reads or changes the content of a blob in the archive tier.

    Raises:
        StorageError: it is in the archive.
    """
    blob = settled(blob, now)
    if blob.tier_next and access == "write":
        raise _being_rehydrated()
    if blob.tier == ARCHIVE:
        raise StorageError(409, "BlobArchived", "This operation is not permitted on an archived blob.")


def shown(blob: Blob, now: datetime) -> list[tuple[str, str]]:
    """The properties that describe a blob's tier, by their names in listings."""
    blob = settled(blob, now)
    if not blob.tier:
        return [("AccessTier", "Hot"), ("AccessTierInferred", "true")] if blob.kind == "BlockBlob" else []
    found = [("AccessTier", blob.tier)]
    if blob.tier == _SMART:
        found.append(("SmartAccessTier", "Hot"))
    if blob.tier_next:
        found.append(("ArchiveStatus", f"rehydrate-pending-to-{blob.tier_next.lower()}"))
        found.append(("RehydratePriority", blob.tier_priority))
    if blob.tier_changed:
        found.append(("AccessTierChangeTime", http_date(timestamps.at(blob.tier_changed))))
    return found


_HEADERS = {
    "AccessTier": HEADER,
    "AccessTierInferred": "x-ms-access-tier-inferred",
    "AccessTierChangeTime": "x-ms-access-tier-change-time",
    "ArchiveStatus": "x-ms-archive-status",
    "RehydratePriority": PRIORITY,
    "SmartAccessTier": "x-ms-smart-access-tier",
}


def headers_of(blob: Blob, now: datetime) -> list[tuple[str, str]]:
    """``shown`` as headers."""
    return [(_HEADERS[name], value) for name, value in shown(blob, now)]


def check_changed(blob: Blob, headers: Mapping[str, str], now: datetime) -> None:
    """Refuse a request whose conditions about the last change of the tier do not hold.

    Raises:
        StorageError: one does not.
    """
    prefix = f"{HEADER}-"
    given = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    changed = settled(blob, now).tier_changed or blob.created
    conditions.check(given, etag=None, modified=timestamps.at(changed), read=False)


def _known(text: str, kind: str) -> str:
    allowed = _PREMIUM if kind == "PageBlob" else _STANDARD
    found = next((tier for tier in (*_STANDARD, *_PREMIUM) if tier.lower() == text.lower()), None)
    if found is None:
        raise errors.invalid_header(HEADER)
    if kind == "AppendBlob":
        raise StorageError(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    if found not in allowed:
        raise StorageError(400, "InvalidBlobTier", "The specified blob tier is invalid.")
    return found


def _priority(headers: Mapping[str, str]) -> str:
    text = headers.get(PRIORITY, "Standard")
    found = next((priority for priority in _PRIORITIES if priority.lower() == text.lower()), None)
    if found is None:
        raise errors.invalid_header(PRIORITY)
    return found


def _being_rehydrated() -> StorageError:
    text = "This operation is not permitted because the blob is being rehydrated."
    return StorageError(409, "BlobBeingRehydrated", text)
