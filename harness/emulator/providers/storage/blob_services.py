"""The blob service of an account in Resource Manager: versioning and the retention of deleted blobs; pure.

Source: Microsoft's reference of "Blob Services - Set Service Properties".
"""

from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.providers.arm.rules import InvalidContentError
from harness.emulator.providers.storage.responses import ACCOUNT, error_response
from harness.emulator.providers.storage.rules import invalid_parameter, parse_flag, parse_properties, parse_retention
from harness.emulator.routing import Route
from harness.emulator.storage_service.model import ServiceSettings
from harness.emulator.storage_service.protection import RETENTION, protection_of, retention_element

_RETENTION = "deleteRetentionPolicy"
_VERSIONS = "isVersioningEnabled"
_UNSERVED = ("changeFeed", "containerDeleteRetentionPolicy", "lastAccessTimeTrackingPolicy", "restorePolicy")
_CONTAINER = ACCOUNT + "/blobServices/default/containers/{container}"


def service_properties(settings: ServiceSettings) -> dict[str, Any]:
    """Return the service's properties as Resource Manager shows them."""
    protection = protection_of(settings)
    policy: dict[str, Any] = {"enabled": False}
    if protection.days:
        policy = {"enabled": True, "days": protection.days, "allowPermanentDelete": protection.permanent}
    return {
        "cors": {"corsRules": []},
        _RETENTION: policy,
        **({_VERSIONS: True} if protection.versions else {}),
    }


def apply_properties(settings: ServiceSettings, document: dict[str, Any]) -> ServiceSettings:
    """Return the settings after a request with new properties; a property that the request omits does not change.

    Raises:
        InvalidContentError: a value is not allowed, or the request enables a feature that the emulator does not serve.
    """
    versions, properties = parse_flag(document, _VERSIONS), parse_properties(document)
    for name in _UNSERVED:
        policy = properties.get(name)
        if isinstance(policy, dict) and policy.get("enabled") is True:
            text = f"The emulator does not serve {name}: leave it out, or disable it."
            raise InvalidContentError("FeatureNotSupported", text)
    elements = dict(settings.elements)
    if (policy := properties.get(_RETENTION)) is not None:
        elements[RETENTION] = _element(policy)
    return replace(settings, elements=elements, versions=settings.versions if versions is None else versions)


def _element(policy: object) -> str:
    """Return a retention policy as the element of the blob service's own properties."""
    days = parse_retention(policy, _RETENTION)
    permanent = policy.get("allowPermanentDelete") if isinstance(policy, dict) else None
    if not isinstance(permanent, bool | None):
        raise invalid_parameter(f"{_RETENTION}.allowPermanentDelete")
    return retention_element(days, permanent=permanent or False)


def _refuse_immutability(_request: Request) -> Response:
    text = "The emulator does not serve immutability policies and legal holds: everything in it can be deleted."
    return error_response(501, "NotImplemented", text)


UNSERVED_ROUTES = tuple(
    Route(method, f"{_CONTAINER}/{path}", name, _refuse_immutability)
    for method, path, name in (
        ("PUT", "immutabilityPolicies/default", "BlobContainers_CreateOrUpdateImmutabilityPolicy"),
        ("DELETE", "immutabilityPolicies/default", "BlobContainers_DeleteImmutabilityPolicy"),
        ("POST", "immutabilityPolicies/default/lock", "BlobContainers_LockImmutabilityPolicy"),
        ("POST", "immutabilityPolicies/default/extend", "BlobContainers_ExtendImmutabilityPolicy"),
        ("POST", "setLegalHold", "BlobContainers_SetLegalHold"),
        ("POST", "clearLegalHold", "BlobContainers_ClearLegalHold"),
    )
)
