"""Records and wire forms of Microsoft.Storage."""

from datetime import datetime
from typing import Any

import msgspec

from harness.emulator.storage_service.model import StorageAccount
from harness.emulator.wire import precise_timestamp


class AccountCreation(msgspec.Struct, frozen=True):
    """The operation that a client polls after it has created an account."""

    account: str
    started: datetime


def sku_wire(account: StorageAccount) -> dict[str, str]:
    """Return an account's SKU as Resource Manager shows it."""
    return {"name": account.sku, "tier": account.sku.partition("_")[0]}


def account_wire(account: StorageAccount, tenant: str) -> dict[str, Any]:
    """Return an account as Resource Manager shows it, with its keys in the recorded order."""
    encryption = {"enabled": True, "lastEnabledTime": precise_timestamp(account.created)}
    properties: dict[str, Any] = {
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "trustedDirectories": [tenant],
        **({} if account.public_blobs is None else {"allowBlobPublicAccess": account.public_blobs}),
        "supportsHttpsTrafficOnly": account.https_only,
        "encryption": {"services": {"file": encryption, "blob": encryption}, "keySource": "Microsoft.Storage"},
        "provisioningState": "Succeeded",
        "creationTime": precise_timestamp(account.created),
        "primaryEndpoints": {
            service: f"https://{account.name}.{service}.core.windows.net/"
            for service in ("blob", "queue", "table", "file")
        },
        "primaryLocation": account.location,
        "statusOfPrimary": "available",
    }
    return {
        "sku": sku_wire(account),
        "kind": account.kind,
        "id": account.id,
        "name": account.name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": account.location,
        "tags": account.tags,
        "properties": properties,
    }
