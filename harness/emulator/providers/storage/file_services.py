"""The file service of an account behind Resource Manager: for how long its deleted shares can be restored; pure.

Source: Microsoft's reference of "File Services - Set Service Properties", and "Enable soft delete on Azure file
shares": it is on for 7 days in a new account, and a change holds for shares that are deleted later.
"""

from typing import Any

from msgspec.structs import replace

from harness.emulator.providers.arm.rules import InvalidContentError
from harness.emulator.providers.storage.rules import parse_properties, parse_retention
from harness.emulator.storage_service.model import ServiceSettings

_RETENTION = "shareDeleteRetentionPolicy"


def shown(settings: ServiceSettings) -> dict[str, Any]:
    """The properties that settings have."""
    days = settings.share_retention
    return {_RETENTION: {"enabled": True, "days": days} if days else {"enabled": False}}


def changed(settings: ServiceSettings, document: dict[str, Any]) -> ServiceSettings:
    """Settings after a request with new ones: what it does not name stays.

    Raises:
        InvalidContentError: it is no policy, or the body sets what the emulator does not serve.
    """
    properties = parse_properties(document)
    if others := sorted(name for name, value in properties.items() if name != _RETENTION and value is not None):
        text = (
            f"The emulator serves {_RETENTION} and not properties.{others[0][:60]}; CORS: Set File Service Properties."
        )
        raise InvalidContentError("FeatureNotSupported", text)
    policy = properties.get(_RETENTION)
    return settings if policy is None else replace(settings, share_retention=parse_retention(policy, _RETENTION))
