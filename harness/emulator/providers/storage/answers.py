"""What answers of Microsoft.Storage have in common, and the addresses of accounts."""

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
JSON = "application/json"  # as recorded, without a charset


def group_id(subscription: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def account_id(request: Request) -> str:
    """The id of the account that a request names."""
    group = group_id(request.params["subscription"], request.params["group"])
    return f"{group}/providers/{NAMESPACE}/storageAccounts/{request.params['account']}"


def named_account(accounts: Accounts, request: Request) -> StorageAccount | None:
    """The account that a request names, if it is in the group that the request names, too."""
    found = accounts.get(request.params["account"].lower())
    return found if found and found.id.lower() == account_id(request).lower() else None


def not_found(request: Request) -> Response:
    """There is no such account in the group."""
    text = (
        f"The Resource 'Microsoft.Storage/storageAccounts/{request.params['account']}' under resource group "
        f"'{request.params['group']}' was not found."
    )
    return refused(404, "ResourceNotFound", text)


def refused(status: int, code: str, message: str) -> Response:
    """A refusal."""
    return arm_error(status, code, message, headers=[SERVER])


def json_answer(document: object, *, content_type: str = JSON) -> Response:
    """A document as an answer."""
    return Response(200, msgspec.json.encode(document), headers=[SERVER, ("content-type", content_type)])
