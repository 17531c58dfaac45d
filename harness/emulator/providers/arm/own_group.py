"""The resource group of the resources that every emulator has at its start, such as its first storage account.

Clients find an account and its key by looking through the groups of the subscription, so the account is in one.
The group and the account cannot be deleted: the endpoint file and the environment of clients name them.
"""

from harness.emulator.providers.arm.model import ResourceGroup, group_key
from harness.emulator.store import Store

NAME = "harness-emulator"
_LOCATION = "eastus"


def ensure_own_group(store: Store, subscription: str) -> str:
    """The id of the group, which is created if it does not exist."""
    key = group_key(subscription, NAME)
    found = store.get(ResourceGroup, key)
    if found is None or found.deleting:
        found = ResourceGroup(f"/subscriptions/{subscription}/resourceGroups/{NAME}", NAME, _LOCATION, None)
        store.put(key, found)
    return found.id
