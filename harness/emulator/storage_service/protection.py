"""What a storage account keeps of its blobs, as its owner has set it; pure.

Versions are set through Resource Manager, what becomes of deleted blobs there or by Set Blob Service Properties.
"""

from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import fromstring

from harness.emulator.storage_service.model import ServiceSettings

RETENTION = "DeleteRetentionPolicy"  # the element of the service's properties


@dataclass(frozen=True, slots=True)
class Protection:
    """What is kept.

    Args:
        versions: every state of a blob that is replaced or deleted.
        days: how long what was deleted can be restored; 0 if not at all.
        permanent: whether what was deleted may be deleted for good before that.
    """

    versions: bool = False
    days: int = 0
    permanent: bool = False


def protection_of(settings: ServiceSettings) -> Protection:
    """What settings of the service say."""
    return _parsed(settings.versions, settings.elements.get(RETENTION, ""))


@lru_cache(maxsize=64)
def _parsed(versions: bool, retention: str) -> Protection:
    if not retention:
        return Protection(versions)
    element = fromstring(retention)  # noqa: S314 - written by ``documents.settings`` or ``retention_element``
    if (element.findtext("Enabled") or "").lower() != "true":
        return Protection(versions)
    permanent = (element.findtext("AllowPermanentDelete") or "").lower() == "true"
    return Protection(versions, int(element.findtext("Days") or 0), permanent)


def retention_element(days: int, *, permanent: bool) -> str:
    """The element of the service's properties that keeps what was deleted for some days, or not at all for 0."""
    if not days:
        return f"<{RETENTION}><Enabled>false</Enabled></{RETENTION}>"
    allowed = "<AllowPermanentDelete>true</AllowPermanentDelete>" if permanent else ""
    return f"<{RETENTION}><Enabled>true</Enabled><Days>{days}</Days>{allowed}</{RETENTION}>"
