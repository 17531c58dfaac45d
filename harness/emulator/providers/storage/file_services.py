"""The file service of an account in Resource Manager: the retention of deleted shares; pure.

Source: Microsoft's reference of "File Services - Set Service Properties", and "Enable soft delete on Azure file
shares": a new account keeps deleted shares for 7 days, and a change applies to shares that are deleted later.
"""

from typing import Any

from msgspec.structs import replace

from harness.emulator.providers.arm.rules import InvalidContentError
from harness.emulator.providers.storage.rules import parse_properties, parse_retention
from harness.emulator.storage_service.model import ServiceSettings

_RETENTION = "shareDeleteRetentionPolicy"


def service_properties(settings: ServiceSettings) -> dict[str, Any]:
    """Return the service's properties as Resource Manager shows them."""
    days = settings.share_retention
    return {_RETENTION: {"enabled": True, "days": days} if days else {"enabled": False}}


def apply_properties(settings: ServiceSettings, document: dict[str, Any]) -> ServiceSettings:
    """Return the settings after a request with new properties; a property that the request omits does not change.

    Raises:
        InvalidContentError: the policy is invalid, or the body sets a property that the emulator does not serve.
    """
    properties = parse_properties(document)
    if unserved := sorted(name for name, value in properties.items() if name != _RETENTION and value is not None):
        text = (
            f"The emulator serves {_RETENTION} and not properties.{unserved[0][:60]}; "
            "CORS: Set File Service Properties."
        )
        raise InvalidContentError("FeatureNotSupported", text)
    policy = properties.get(_RETENTION)
    return settings if policy is None else replace(settings, share_retention=parse_retention(policy, _RETENTION))
