"""The resource group of the resources that every emulator has at its start, such as its first storage account.

Clients search the groups of the subscription for an account and its key, so the account is in a group.
The group and the account cannot be deleted: the endpoint file and the environment of clients name them.
"""

from harness.emulator.providers.arm.model import ResourceGroup, group_key
from harness.emulator.store import Store

NAME = "harness-emulator"
_LOCATION = "eastus"


def ensure_own_group(store: Store, subscription: str) -> str:
    """Create the group if it does not exist, and return its id."""
    key = group_key(subscription, NAME)
    group = store.get(ResourceGroup, key)
    if group is None or group.deleting:
        group = ResourceGroup(f"/subscriptions/{subscription}/resourceGroups/{NAME}", NAME, _LOCATION, None)
        store.put(key, group)
    return group.id
