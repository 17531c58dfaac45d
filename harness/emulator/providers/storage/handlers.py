"""Microsoft.Storage in Resource Manager: accounts and their keys.

The responses follow those recorded from ``az storage account create`` in 2018 (API version 2017-10-01) and Microsoft's
reference.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.guids import new_guid
from harness.emulator.identity import Identity
from harness.emulator.providers.arm.rules import InvalidContentError, parse_location, parse_object, parse_tags
from harness.emulator.providers.storage import blob_services, file_services
from harness.emulator.providers.storage.model import AccountCreation, account_wire
from harness.emulator.providers.storage.responses import (
    ACCOUNT,
    GROUP,
    JSON,
    NAMESPACE,
    SERVER,
    SUBSCRIPTION,
    account_id,
    account_not_found,
    error_response,
    find_account,
    group_id,
    json_response,
)
from harness.emulator.providers.storage.rules import (
    KEY_NAMES,
    name_problem,
    parse_flag,
    parse_key_number,
    parse_kind,
    parse_sku,
)
from harness.emulator.providers.storage.service_properties import ServiceProperties
from harness.emulator.routing import Route
from harness.emulator.storage_service.accounts import Accounts, new_key
from harness.emulator.storage_service.model import StorageAccount
from harness.emulator.storage_service.trash import Trash
from harness.emulator.store import Store
from harness.emulator.wire import retry_after

_HTTPS_ONLY, _PUBLIC_BLOBS = "supportsHttpsTrafficOnly", "allowBlobPublicAccess"
_POLLING_TIME = timedelta(hours=1)  # for which a client can poll a creation


class AccountService(Protocol):
    """A service with records in accounts, such as the blob service."""

    def forget(self, account: str) -> None:
        """Delete the service's records of an account, within the caller's transaction."""


class StorageProvider:
    """The resource provider. An account is usable as soon as its creation is accepted.

    Args:
        trash: takes the directories of deleted accounts.
        services: the services with records in accounts.
    """

    namespace = NAMESPACE

    def __init__(
        self,
        identity: Identity,
        accounts: Accounts,
        *,
        store: Store,
        clock: Clock,
        trash: Trash,
        services: Sequence[AccountService],
    ) -> None:
        self._tenant = identity.tenant_id
        self._accounts = accounts
        self._store = store
        self._clock = clock
        self._trash = trash
        self._services = services
        self._file_services = ServiceProperties(
            accounts, "file", render=file_services.service_properties, apply=file_services.apply_properties
        )
        self._blob_services = ServiceProperties(
            accounts, "blob", render=blob_services.service_properties, apply=blob_services.apply_properties
        )

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations of accounts."""
        accounts = SUBSCRIPTION + "/storageAccounts"
        operation = SUBSCRIPTION + "/locations/{location}/asyncoperations/{operation}"
        return (
            Route("PUT", ACCOUNT, "StorageAccounts_Create", self._create),
            Route("GET", ACCOUNT, "StorageAccounts_GetProperties", self._get),
            Route("PATCH", ACCOUNT, "StorageAccounts_Update", self._update),
            Route("DELETE", ACCOUNT, "StorageAccounts_Delete", self._delete),
            Route("GET", GROUP, "StorageAccounts_ListByResourceGroup", self._list),
            Route("GET", accounts, "StorageAccounts_List", self._list_all),
            Route("POST", ACCOUNT + "/listKeys", "StorageAccounts_ListKeys", self._list_keys),
            Route("POST", ACCOUNT + "/regenerateKey", "StorageAccounts_RegenerateKey", self._regenerate_key),
            Route("POST", SUBSCRIPTION + "/checkNameAvailability", "StorageAccounts_CheckName", self._check_name),
            Route("GET", operation, "AsyncOperations_Get", self._poll),
            *self._file_services.routes,
            *self._blob_services.routes,
            *blob_services.UNSERVED_ROUTES,
        )

    def begin_group_delete(self, subscription: str, group: str) -> None:
        """Delete every account of a group."""
        for account in self._accounts.list(group_id(subscription, group)):
            self._remove(account)

    def group_is_empty(self, subscription: str, group: str) -> bool:
        """Whether a group has no account left."""
        return not self._accounts.list(group_id(subscription, group))

    async def _create(self, request: Request) -> Response:
        name = request.params["account"]
        if problem := name_problem(name):
            raise InvalidContentError("AccountNameInvalid", problem)
        document = parse_object(await request.read())
        location = parse_location(document)
        account = self._accounts.get(name)
        if account is None:
            return self._create_account(request, document, location)
        if account.id.lower() != account_id(request).lower():
            return error_response(
                409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken."
            )
        if account.location != location:
            text = (
                f"The resource '{name}' already exists in location '{account.location}' in resource group "
                f"'{request.params['group']}'. A resource with the same name cannot be created in location "
                f"'{location}'. Please select a new resource name."
            )
            return error_response(409, "InvalidResourceLocation", text)
        return self._change(account, document)

    def _create_account(self, request: Request, document: dict[str, Any], location: str) -> Response:
        key = new_key()
        account = StorageAccount(
            name=request.params["account"],
            location=location,
            keys=(key, key),  # equal until one is regenerated, because the scrubbed recordings show one value for both
            created=self._clock.now(),
            id=account_id(request),
            sku=parse_sku(document),
            kind=parse_kind(document, "Storage"),
            tags=parse_tags(document) or {},
            https_only=parse_flag(document, _HTTPS_ONLY) or False,
            public_blobs=parse_flag(document, _PUBLIC_BLOBS),
        )
        operation = new_guid()
        with self._store.transaction():
            for key, creation in self._store.list(AccountCreation):
                if account.created - creation.started > _POLLING_TIME:
                    self._store.delete(AccountCreation, key)
            self._accounts.put(account)
            self._store.put(operation, AccountCreation(account.name, account.created))
        location_header = (
            f"https://management.azure.com/subscriptions/{request.params['subscription']}/providers/{NAMESPACE}"
            f"/locations/{location}/asyncoperations/{operation}?monitor=true&api-version={request.query['api-version']}"
        )
        delay = retry_after(request)
        headers = [SERVER, ("content-type", "text/plain; charset=utf-8"), ("location", location_header), delay]
        return Response(202, headers=headers)

    def _poll(self, request: Request) -> Response:
        creation = self._store.get(AccountCreation, request.params["operation"])
        account = self._accounts.get(creation.account) if creation else None
        if account is None:
            return error_response(404, "NotFound", "The operation could not be found.")
        return self._response(account)

    def _get(self, request: Request) -> Response:
        account = find_account(self._accounts, request)
        return self._response(account) if account else account_not_found(request)

    async def _update(self, request: Request) -> Response:
        document = parse_object(await request.read())
        account = find_account(self._accounts, request)
        return self._change(account, document) if account else account_not_found(request)

    def _change(self, account: StorageAccount, document: dict[str, Any]) -> Response:
        tags = parse_tags(document)
        https_only, public_blobs = (parse_flag(document, name) for name in (_HTTPS_ONLY, _PUBLIC_BLOBS))
        changed = replace(
            account,
            sku=parse_sku(document, account.sku),
            kind=parse_kind(document, account.kind),
            tags=account.tags if tags is None else tags,
            https_only=account.https_only if https_only is None else https_only,
            public_blobs=account.public_blobs if public_blobs is None else public_blobs,
        )
        self._accounts.put(changed)
        return self._response(changed)

    def _delete(self, request: Request) -> Response:
        account = find_account(self._accounts, request)
        if account is None:
            return Response(204, headers=[SERVER])
        self._remove(account)
        return Response(200, headers=[SERVER])

    def _list(self, request: Request) -> Response:
        accounts = self._accounts.list(group_id(request.params["subscription"], request.params["group"]))
        return json_response({"value": [account_wire(account, self._tenant) for account in accounts]})

    def _list_all(self, _request: Request) -> Response:
        body = {"value": [account_wire(account, self._tenant) for account in self._accounts.list()]}
        response = json_response(body, content_type=f"{JSON}; charset=utf-8")
        response.headers.append(("x-ms-original-request-ids", new_guid()))
        return response

    def _list_keys(self, request: Request) -> Response:
        account = find_account(self._accounts, request)
        return _keys(account) if account else account_not_found(request)

    async def _regenerate_key(self, request: Request) -> Response:
        number = parse_key_number(parse_object(await request.read()))
        account = find_account(self._accounts, request)
        if account is None:
            return account_not_found(request)
        first, second = account.keys
        changed = replace(account, keys=(new_key(), second) if number == 0 else (first, new_key()))
        self._accounts.put(changed)
        return _keys(changed)

    async def _check_name(self, request: Request) -> Response:
        name = parse_object(await request.read()).get("name")
        if not isinstance(name, str):
            raise InvalidContentError("InvalidRequestContent", "The property 'name' must be a string.")
        if problem := name_problem(name):
            return json_response({"nameAvailable": False, "reason": "AccountNameInvalid", "message": problem})
        if self._accounts.get(name):
            text = f"The storage account named {name} is already taken."
            return json_response({"nameAvailable": False, "reason": "AlreadyExists", "message": text})
        return json_response({"nameAvailable": True})

    def _response(self, account: StorageAccount) -> Response:
        return json_response(account_wire(account, self._tenant))

    def _remove(self, account: StorageAccount) -> None:
        with self._accounts.removing(account.name, self._trash):
            for service in self._services:
                service.forget(account.name)


def _keys(account: StorageAccount) -> Response:
    pairs = zip(KEY_NAMES, account.keys, strict=True)
    return json_response({"keys": [{"keyName": name, "value": key, "permissions": "FULL"} for name, key in pairs]})
