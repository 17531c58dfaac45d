"""The blob service of an account behind Resource Manager: versions, and what becomes of deleted blobs.

Source: Microsoft's reference of "Blob Services - Set Service Properties".
"""

from typing import Any
from xml.etree.ElementTree import fromstring

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.providers.arm.rules import InvalidContentError, parse_object
from harness.emulator.providers.storage.answers import ACCOUNT, account_id, json_answer, not_found, refused
from harness.emulator.providers.storage.rules import invalid_parameter, parse_flag
from harness.emulator.routing import Route
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import ServiceSettings, StorageAccount
from harness.emulator.store import Store

_RETENTION, _ELEMENT = "deleteRetentionPolicy", "DeleteRetentionPolicy"
_VERSIONS = "isVersioningEnabled"
_UNSERVED = ("changeFeed", "containerDeleteRetentionPolicy", "lastAccessTimeTrackingPolicy", "restorePolicy")
_DAYS = 365  # the most that deleted blobs are kept
_SERVICES = ACCOUNT + "/blobServices"
_IMMUTABILITY = _SERVICES + "/default/containers/{container}"


class BlobServices:
    """The operations on ``blobServices/default``, the one that each account has."""

    def __init__(self, accounts: Accounts, store: Store) -> None:
        self._accounts = accounts
        self._store = store

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations."""
        return (
            Route("GET", _SERVICES, "BlobServices_List", self._list),
            Route("GET", _SERVICES + "/{service}", "BlobServices_GetServiceProperties", self._get),
            Route("PUT", _SERVICES + "/{service}", "BlobServices_SetServiceProperties", self._set),
            *(
                Route(method, f"{_IMMUTABILITY}/{path}", name, _refuse_immutability)
                for method, path, name in (
                    ("PUT", "immutabilityPolicies/default", "BlobContainers_CreateOrUpdateImmutabilityPolicy"),
                    ("DELETE", "immutabilityPolicies/default", "BlobContainers_DeleteImmutabilityPolicy"),
                    ("POST", "immutabilityPolicies/default/lock", "BlobContainers_LockImmutabilityPolicy"),
                    ("POST", "immutabilityPolicies/default/extend", "BlobContainers_ExtendImmutabilityPolicy"),
                    ("POST", "setLegalHold", "BlobContainers_SetLegalHold"),
                    ("POST", "clearLegalHold", "BlobContainers_ClearLegalHold"),
                )
            ),
        )

    def _list(self, request: Request) -> Response:
        account = self._account(request)
        return json_answer({"value": [wire(account, self._settings(account))]}) if account else not_found(request)

    def _get(self, request: Request) -> Response:
        account = self._account(request)
        return json_answer(wire(account, self._settings(account))) if account else not_found(request)

    async def _set(self, request: Request) -> Response:
        document = parse_object(await request.read())
        account = self._account(request)
        if account is None:
            return not_found(request)
        settings = changed(self._settings(account), document)
        self._store.put(_key(account), settings)
        return json_answer(wire(account, settings))

    def _account(self, request: Request) -> StorageAccount | None:
        if request.params.get("service", "default").lower() != "default":
            text = "The blob service of an account is called 'default'."
            raise InvalidContentError("InvalidResourceName", text)
        found = self._accounts.get(request.params["account"].lower())
        return found if found and found.id.lower() == account_id(request).lower() else None

    def _settings(self, account: StorageAccount) -> ServiceSettings:
        return self._store.get(ServiceSettings, _key(account)) or ServiceSettings()


def _key(account: StorageAccount) -> str:
    return f"blob/{account.name}"


def _refuse_immutability(_request: Request) -> Response:
    text = "The emulator does not serve immutability policies and legal holds: everything in it can be deleted."
    return refused(501, "NotImplemented", text)


def changed(settings: ServiceSettings, document: dict[str, Any]) -> ServiceSettings:
    """Settings after a request with new ones: what it does not name stays.

    Raises:
        InvalidContentError: a value is not allowed, or is for what the emulator does not serve.
    """
    versions = parse_flag(document, _VERSIONS)
    properties = document.get("properties") or {}
    for name in _UNSERVED:
        policy = properties.get(name)
        if isinstance(policy, dict) and policy.get("enabled") is True:
            text = f"The emulator does not serve {name}: leave it out, or disable it."
            raise InvalidContentError("FeatureNotSupported", text)
    elements = dict(settings.elements)
    if (policy := properties.get(_RETENTION)) is not None:
        elements[_ELEMENT] = _element(policy)
    return replace(settings, elements=elements, versions=settings.versions if versions is None else versions)


def _element(policy: object) -> str:
    """A retention policy as the service's own properties have it."""
    if not isinstance(policy, dict):
        raise invalid_parameter(_RETENTION)
    enabled, permanent, days = (policy.get(name) for name in ("enabled", "allowPermanentDelete", "days"))
    if not isinstance(enabled, bool) or not isinstance(permanent, bool | None):
        raise invalid_parameter(_RETENTION)
    if not enabled:
        return f"<{_ELEMENT}><Enabled>false</Enabled></{_ELEMENT}>"
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= _DAYS:
        raise invalid_parameter(f"{_RETENTION}.days")
    allowed = "<AllowPermanentDelete>true</AllowPermanentDelete>" if permanent else ""
    return f"<{_ELEMENT}><Enabled>true</Enabled><Days>{days}</Days>{allowed}</{_ELEMENT}>"


def wire(account: StorageAccount, settings: ServiceSettings) -> dict[str, Any]:
    """As Resource Manager shows it."""
    properties: dict[str, Any] = {"cors": {"corsRules": []}, _RETENTION: _policy(settings.elements.get(_ELEMENT, ""))}
    if settings.versions:
        properties[_VERSIONS] = True
    return {
        "sku": {"name": account.sku, "tier": account.sku.partition("_")[0]},
        "properties": properties,
        "id": f"{account.id}/blobServices/default",
        "name": "default",
        "type": "Microsoft.Storage/storageAccounts/blobServices",
    }


def _policy(element: str) -> dict[str, Any]:
    if not element:
        return {"enabled": False}
    found = fromstring(element)  # noqa: S314 - written by ``_element``, or checked when the service got it
    if (found.findtext("Enabled") or "").lower() != "true":
        return {"enabled": False}
    permanent = (found.findtext("AllowPermanentDelete") or "").lower() == "true"
    return {"enabled": True, "days": int(found.findtext("Days") or 0), "allowPermanentDelete": permanent}
