"""Responses of Microsoft.Storage, and the addresses of its accounts."""

import msgspec

from harness.emulator.context import Request, Response
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import StorageAccount
from harness.emulator.wire import arm_error

NAMESPACE = "Microsoft.Storage"
SUBSCRIPTION = f"/subscriptions/{{subscription}}/providers/{NAMESPACE}"
GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{NAMESPACE}/storageAccounts"
ACCOUNT = GROUP + "/{account}"
SERVER = ("server", "Microsoft-Azure-Storage-Resource-Provider/1.0,Microsoft-HTTPAPI/2.0 Microsoft-HTTPAPI/2.0")
JSON = "application/json"  # without a charset, as in the recorded responses


def group_id(subscription: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def account_id(request: Request) -> str:
    """The id of the account that a request names."""
    group = group_id(request.params["subscription"], request.params["group"])
    return f"{group}/providers/{NAMESPACE}/storageAccounts/{request.params['account']}"


def find_account(accounts: Accounts, request: Request) -> StorageAccount | None:
    """Return the account that a request names; None unless it is in the group that the request names."""
    account = accounts.get(request.params["account"].lower())
    return account if account and account.id.lower() == account_id(request).lower() else None


def account_not_found(request: Request) -> Response:
    """Return the error response about an account that does not exist in the group."""
    text = (
        f"The Resource 'Microsoft.Storage/storageAccounts/{request.params['account']}' under resource group "
        f"'{request.params['group']}' was not found."
    )
    return error_response(404, "ResourceNotFound", text)


def error_response(status: int, code: str, message: str) -> Response:
    """Return an error response with the headers of Microsoft.Storage."""
    return arm_error(status, code, message, headers=[SERVER])


def json_response(document: object, *, content_type: str = JSON) -> Response:
    """Return a response with a JSON document."""
    return Response(200, msgspec.json.encode(document), headers=[SERVER, ("content-type", content_type)])
