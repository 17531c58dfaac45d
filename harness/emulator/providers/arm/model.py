"""Records of Resource Manager, and their wire forms."""

from datetime import datetime
from typing import Any

import msgspec


class Registration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A namespace in a subscription.

    ``Unused`` (which clients see as ``NotRegistered``) becomes ``Registered`` with the first write, as deployments
    register the namespaces that they need. ``Registering`` becomes ``Registered`` at the time ``until``; the namespace
    can be used in between, because callers need not wait according to Azure's documentation. An unregistered namespace
    is ``NotRegistered``, and requests to it are refused until it is registered again.
    """

    namespace: str
    state: str
    until: datetime | None = None

    def at(self, now: datetime) -> "Registration":
        """The registration at a given time."""
        is_over = self.state == "Registering" and (self.until is None or self.until <= now)
        return Registration(self.namespace, "Registered") if is_over else self

    def wire(self, subscription: str) -> dict[str, Any]:
        """The wire form of ``providers/{namespace}``."""
        return {
            "id": f"/subscriptions/{subscription}/providers/{self.namespace}",
            "namespace": self.namespace,
            "resourceTypes": [],
            "registrationState": "NotRegistered" if self.state == "Unused" else self.state,
            "registrationPolicy": "RegistrationRequired",
        }


class ResourceGroup(msgspec.Struct, frozen=True):
    """A resource group; ``deleting`` is true from the request to delete it until the deletion has ended."""

    id: str
    name: str
    location: str
    tags: dict[str, str] | None
    deleting: bool = False

    def wire(self, version: str) -> dict[str, Any]:
        """The recorded form: ``id name type location tags properties``; tags only if set, no type before 2019."""
        state = "Deleting" if self.deleting else "Succeeded"
        document: dict[str, Any] = {"id": self.id, "name": self.name}
        if version >= "2019":
            document["type"] = "Microsoft.Resources/resourceGroups"
        document["location"] = self.location
        if self.tags is not None:
            document["tags"] = self.tags
        return document | {"properties": {"provisioningState": state}}


class GroupDeletion(msgspec.Struct, frozen=True):
    """The operation that a client polls while a group is deleted; it is kept for a while after its end."""

    group: str
    subscription: str
    started: datetime
    done: bool = False


def group_key(subscription: str, name: str) -> str:
    """The store's key of a group: its id in lower case."""
    return f"/subscriptions/{subscription}/resourcegroups/{name}".lower()


def registration_key(subscription: str, namespace: str) -> str:
    """The store's key of a registration."""
    return f"/subscriptions/{subscription}/providers/{namespace}".lower()
