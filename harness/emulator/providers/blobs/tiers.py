"""Access tiers of blobs: the properties that a blob shows, and the requests that it allows; pure.

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
REHYDRATION = timedelta(seconds=2)  # how long rehydration takes; at Azure, hours

_SMART = "Smart"  # Azure moves such a blob between tiers; here it remains hot
_STANDARD = ("Hot", "Cool", "Cold", _SMART, ARCHIVE)
_PREMIUM = ("P4", "P6", "P10", "P15", "P20", "P30", "P40", "P50", "P60", "P70", "P80")
_PRIORITIES = ("Standard", "High")


def requested_tier(headers: Mapping[str, str], kind: str = "") -> str:
    """Return the tier that a request sets on the blob that it writes; empty if it names none.

    Args:
        kind: the type of the blob, if it differs from the one that the request names.

    Raises:
        StorageError: the tier does not exist for blobs of this type.
    """
    if not headers.get(HEADER):
        return ""
    types = {"pageblob": "PageBlob", "appendblob": "AppendBlob"}
    return _parse_tier(headers[HEADER], kind or types.get(headers.get("x-ms-blob-type", "").lower(), "BlockBlob"))


def with_current_tier(record: Blob, now: datetime) -> Blob:
    """Return a blob's record at a time: its rehydration ends after ``REHYDRATION``."""
    if not record.tier_next or now < timestamps.at(record.tier_changed) + REHYDRATION:
        return record
    end = record.tier_changed + REHYDRATION // timedelta(microseconds=1) * 1000
    return replace(record, tier=record.tier_next, tier_next="", tier_priority="", tier_changed=end)


def set_tier(record: Blob, headers: Mapping[str, str], now: datetime) -> Blob:
    """Return a blob's record after Set Blob Tier.

    Raises:
        StorageError: the tier does not exist for blobs of this type, or the blob is being rehydrated.
    """
    if not headers.get(HEADER):
        raise errors.missing_header(HEADER)
    tier, priority = _parse_tier(headers[HEADER], record.kind), _parse_priority(headers)
    record = with_current_tier(record, now)
    if record.tier_next:
        if tier != record.tier_next:
            raise _being_rehydrated()
        return replace(record, tier_priority=priority if priority == "High" else record.tier_priority)
    at = timestamps.nanoseconds(now)
    if record.tier == ARCHIVE and tier != ARCHIVE:
        return replace(record, tier_next=tier, tier_priority=priority, tier_changed=at)
    return record if record.tier == tier else replace(record, tier=tier, tier_changed=at)


def check_online(record: Blob, now: datetime, *, access: Literal["read", "write"]) -> None:
    """Refuse a request that reads or changes the content of a blob in the archive tier.

    Raises:
        StorageError: the blob is in the archive tier.
    """
    record = with_current_tier(record, now)
    if record.tier_next and access == "write":
        raise _being_rehydrated()
    if record.tier == ARCHIVE:
        raise StorageError(409, "BlobArchived", "This operation is not permitted on an archived blob.")


def tier_properties(record: Blob, now: datetime) -> list[tuple[str, str]]:
    """Return the properties that describe a blob's tier, by their names in listings."""
    record = with_current_tier(record, now)
    if not record.tier:
        return [("AccessTier", "Hot"), ("AccessTierInferred", "true")] if record.kind == "BlockBlob" else []
    properties = [("AccessTier", record.tier)]
    if record.tier == _SMART:
        properties.append(("SmartAccessTier", "Hot"))
    if record.tier_next:
        properties.append(("ArchiveStatus", f"rehydrate-pending-to-{record.tier_next.lower()}"))
        properties.append(("RehydratePriority", record.tier_priority))
    if record.tier_changed:
        properties.append(("AccessTierChangeTime", http_date(timestamps.at(record.tier_changed))))
    return properties


_HEADERS = {
    "AccessTier": HEADER,
    "AccessTierInferred": "x-ms-access-tier-inferred",
    "AccessTierChangeTime": "x-ms-access-tier-change-time",
    "ArchiveStatus": "x-ms-archive-status",
    "RehydratePriority": PRIORITY,
    "SmartAccessTier": "x-ms-smart-access-tier",
}


def headers_of(record: Blob, now: datetime) -> list[tuple[str, str]]:
    """Return ``tier_properties`` as headers."""
    return [(_HEADERS[name], value) for name, value in tier_properties(record, now)]


def check_changed(record: Blob, headers: Mapping[str, str], now: datetime) -> None:
    """Refuse a request whose conditions on the last change of the tier do not hold.

    Raises:
        StorageError: a condition does not hold.
    """
    prefix = f"{HEADER}-"
    tier_conditions = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    changed = with_current_tier(record, now).tier_changed or record.created
    conditions.check(tier_conditions, etag=None, modified=timestamps.at(changed), read=False)


def _parse_tier(text: str, kind: str) -> str:
    allowed = _PREMIUM if kind == "PageBlob" else _STANDARD
    tier = next((name for name in (*_STANDARD, *_PREMIUM) if name.lower() == text.lower()), None)
    if tier is None:
        raise errors.invalid_header(HEADER)
    if kind == "AppendBlob":
        raise StorageError(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    if tier not in allowed:
        raise StorageError(400, "InvalidBlobTier", "The specified blob tier is invalid.")
    return tier


def _parse_priority(headers: Mapping[str, str]) -> str:
    text = headers.get(PRIORITY, "Standard")
    priority = next((name for name in _PRIORITIES if name.lower() == text.lower()), None)
    if priority is None:
        raise errors.invalid_header(PRIORITY)
    return priority


def _being_rehydrated() -> StorageError:
    text = "This operation is not permitted because the blob is being rehydrated."
    return StorageError(409, "BlobBeingRehydrated", text)
