"""Versioning and soft delete of an account's blobs; pure.

Versioning is set through Resource Manager; soft delete is set there, too, or by Set Blob Service Properties.
"""

from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import fromstring

from harness.emulator.storage_service.model import ServiceSettings

RETENTION = "DeleteRetentionPolicy"  # the element of the service's properties


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection settings of an account's blobs.

    Args:
        versions: whether each state of a blob is kept when it is replaced or deleted.
        days: the days for which deleted blobs can be restored; 0 if they cannot.
        permanent: whether deleted blobs may be deleted permanently before that.
    """

    versions: bool = False
    days: int = 0
    permanent: bool = False


def protection_of(settings: ServiceSettings) -> Protection:
    """The protection that settings of the service describe."""
    return _parse(settings.versions, settings.elements.get(RETENTION, ""))


@lru_cache(maxsize=64)
def _parse(versions: bool, retention: str) -> Protection:
    if not retention:
        return Protection(versions)
    element = fromstring(retention)  # noqa: S314 - written by ``documents.settings`` or ``retention_element``
    if (element.findtext("Enabled") or "").lower() != "true":
        return Protection(versions)
    permanent = (element.findtext("AllowPermanentDelete") or "").lower() == "true"
    return Protection(versions, int(element.findtext("Days") or 0), permanent)


def retention_element(days: int, *, permanent: bool) -> str:
    """The element of the service's properties that retains deleted blobs for ``days``; 0 disables it."""
    if not days:
        return f"<{RETENTION}><Enabled>false</Enabled></{RETENTION}>"
    allowed = "<AllowPermanentDelete>true</AllowPermanentDelete>" if permanent else ""
    return f"<{RETENTION}><Enabled>true</Enabled><Days>{days}</Days>{allowed}</{RETENTION}>"
