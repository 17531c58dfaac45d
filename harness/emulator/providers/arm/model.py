"""What Resource Manager remembers, and how it is written on the wire."""

from datetime import datetime
from typing import Any

import msgspec


class Registration(msgspec.Struct, frozen=True):
    """A namespace in a subscription.

    ``Unused`` (which clients see as ``NotRegistered``) becomes ``Registered`` at the first use, as deployments register
    what they need; ``Registering`` lasts until it was seen or used once, since Azure's documentation says that nobody
    need wait for it; what was unregistered is ``NotRegistered``, and is refused until it is registered again.
    """

    namespace: str
    state: str

    def wire(self, subscription: str) -> dict[str, Any]:
        """As ``providers/{namespace}`` answers."""
        return {
            "id": f"/subscriptions/{subscription}/providers/{self.namespace}",
            "namespace": self.namespace,
            "resourceTypes": [],
            "registrationState": "NotRegistered" if self.state == "Unused" else self.state,
            "registrationPolicy": "RegistrationRequired",
        }


class ResourceGroup(msgspec.Struct, frozen=True):
    """A resource group; ``deleting`` from the request to delete it until it is gone."""

    id: str
    name: str
    location: str
    tags: dict[str, str] | None
    deleting: bool = False

    def wire(self, version: str) -> dict[str, Any]:
        """As recorded: ``id name type location tags properties``, tags only when given, no type before 2019."""
        state = "Deleting" if self.deleting else "Succeeded"
        document: dict[str, Any] = {"id": self.id, "name": self.name}
        if version >= "2019":
            document["type"] = "Microsoft.Resources/resourceGroups"
        document["location"] = self.location
        if self.tags is not None:
            document["tags"] = self.tags
        return document | {"properties": {"provisioningState": state}}


class GroupDeletion(msgspec.Struct, frozen=True):
    """The operation that a client polls while a group is deleted; kept after its end."""

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
