"""The file service of an account behind Resource Manager: for how long its deleted shares can be restored.

Source: Microsoft's reference of "File Services - Set Service Properties", and "Enable soft delete on Azure file
shares": it is on for 7 days in a new account, and a change holds for shares that are deleted later.
"""

from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.providers.arm.rules import InvalidContentError, parse_object
from harness.emulator.providers.storage.answers import ACCOUNT, account_id, json_answer, not_found
from harness.emulator.providers.storage.rules import parse_share_retention
from harness.emulator.routing import Route
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import ServiceSettings, StorageAccount
from harness.emulator.store import Store

_SERVICES = ACCOUNT + "/fileServices"


class FileServices:
    """The operations on ``fileServices/default``, the one that each account has."""

    def __init__(self, accounts: Accounts, store: Store) -> None:
        self._accounts = accounts
        self._store = store

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations."""
        return (
            Route("GET", _SERVICES, "FileServices_List", self._list),
            Route("GET", _SERVICES + "/{service}", "FileServices_GetServiceProperties", self._get),
            Route("PUT", _SERVICES + "/{service}", "FileServices_SetServiceProperties", self._set),
        )

    def _list(self, request: Request) -> Response:
        account = self._account(request)
        return json_answer({"value": [self._wire(account)]}) if account else not_found(request)

    def _get(self, request: Request) -> Response:
        account = self._account(request)
        return json_answer(self._wire(account)) if account else not_found(request)

    async def _set(self, request: Request) -> Response:
        days = parse_share_retention(parse_object(await request.read()))
        account = self._account(request)
        if account is None:
            return not_found(request)
        if days is not None:
            key = f"file/{account.name}"
            kept = self._store.get(ServiceSettings, key) or ServiceSettings()
            self._store.put(key, replace(kept, share_retention=days))
        return json_answer(self._wire(account))

    def _account(self, request: Request) -> StorageAccount | None:
        if request.params.get("service", "default").lower() != "default":
            text = "The file service of an account is called 'default'."
            raise InvalidContentError("InvalidResourceName", text)
        found = self._accounts.get(request.params["account"].lower())
        return found if found and found.id.lower() == account_id(request).lower() else None

    def _wire(self, account: StorageAccount) -> dict[str, Any]:
        days = (self._store.get(ServiceSettings, f"file/{account.name}") or ServiceSettings()).share_retention
        policy = {"enabled": True, "days": days} if days else {"enabled": False}
        return {
            "sku": {"name": account.sku, "tier": account.sku.partition("_")[0]},
            "id": f"{account.id}/fileServices/default",
            "name": "default",
            "type": "Microsoft.Storage/storageAccounts/fileServices",
            "properties": {"shareDeleteRetentionPolicy": policy},
        }
