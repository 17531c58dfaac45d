"""The properties of an account's blob service or file service in Resource Manager: get and set them."""

from collections.abc import Callable
from typing import Any

from harness.emulator.context import Request, Response
from harness.emulator.providers.arm.rules import InvalidContentError, parse_object
from harness.emulator.providers.storage.model import sku_wire
from harness.emulator.providers.storage.responses import ACCOUNT, account_not_found, find_account, json_response
from harness.emulator.routing import Route
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import Service, ServiceSettings, StorageAccount

Render = Callable[[ServiceSettings], dict[str, Any]]
Apply = Callable[[ServiceSettings, dict[str, Any]], ServiceSettings]


class ServiceProperties:
    """The operations on ``blobServices/default`` or ``fileServices/default``, which every account has.

    Args:
        render: returns the properties for settings.
        apply: returns the settings after a request with new properties; raises InvalidContentError.
    """

    def __init__(self, accounts: Accounts, service: Service, *, render: Render, apply: Apply) -> None:
        self._accounts = accounts
        self._service = service
        self._render = render
        self._apply = apply

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations."""
        address, name = f"{ACCOUNT}/{self._service}Services", f"{self._service.capitalize()}Services"
        return (
            Route("GET", address, f"{name}_List", self._list),
            Route("GET", address + "/{service}", f"{name}_GetServiceProperties", self._get),
            Route("PUT", address + "/{service}", f"{name}_SetServiceProperties", self._set),
        )

    def _list(self, request: Request) -> Response:
        account = find_account(self._accounts, request)
        return json_response({"value": [self._wire(account)]}) if account else account_not_found(request)

    def _get(self, request: Request) -> Response:
        self._check_name(request)
        account = find_account(self._accounts, request)
        return json_response(self._wire(account)) if account else account_not_found(request)

    async def _set(self, request: Request) -> Response:
        document = parse_object(await request.read())
        self._check_name(request)
        account = find_account(self._accounts, request)
        if account is None:
            return account_not_found(request)
        settings = self._apply(self._accounts.settings(self._service, account.name), document)
        self._accounts.keep_settings(self._service, account.name, settings)
        return json_response(self._wire(account))

    def _check_name(self, request: Request) -> None:
        if request.params["service"].lower() != "default":
            text = f"The {self._service} service of an account is called 'default'."
            raise InvalidContentError("InvalidResourceName", text)

    def _wire(self, account: StorageAccount) -> dict[str, Any]:
        """Return the service as Resource Manager shows it."""
        return {
            "sku": sku_wire(account),
            "id": f"{account.id}/{self._service}Services/default",
            "name": "default",
            "type": f"Microsoft.Storage/storageAccounts/{self._service}Services",
            "properties": self._render(self._accounts.settings(self._service, account.name)),
        }
