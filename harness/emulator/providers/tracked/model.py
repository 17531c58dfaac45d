"""The kinds of tracked resources: their names, their properties, and their wire form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

Properties = dict[str, Any]


class TrackedResource(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource as its creator described it. ``unique`` is a GUID that never changes."""

    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    created: datetime
    unique: str
    kind: str | None = None
    sku: dict[str, Any] | None = None
    properties: Properties = {}


@dataclass(frozen=True, slots=True)
class TrackedType:
    """A type of resource.

    Attributes:
        namespace: the namespace of its provider.
        name: the type's name, in the casing of ids.
        pattern: matches valid names of resources, from Azure's naming rules.
        rule: the pattern in words.
        service_properties: the properties that the service adds to those of the creator.
        sku: the default SKU.
    """

    namespace: str
    name: str
    pattern: "re.Pattern[str]"
    rule: str
    service_properties: Callable[[TrackedResource, str], Properties]
    sku: Mapping[str, Any] | None = None

    @property
    def full_name(self) -> str:
        """The name with its namespace, as ``type`` shows it."""
        return f"{self.namespace}/{self.name}"


def wire(kind: TrackedType, resource: TrackedResource, tenant: str) -> dict[str, Any]:
    """The wire form of a resource: the properties of its creator, and those that the service adds."""
    document: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "location": resource.location,
        "tags": resource.tags,
    }
    if resource.kind is not None:
        document["kind"] = resource.kind
    if resource.sku is not None:
        document["sku"] = resource.sku
    document["properties"] = {
        **resource.properties,
        **kind.service_properties(resource, tenant),
        "provisioningState": "Succeeded",
    }
    return document


def _vault(resource: TrackedResource, tenant: str) -> Properties:
    defaults = {"sku": {"family": "A", "name": "standard"}, "tenantId": tenant, "accessPolicies": []}
    return {**defaults, **resource.properties, "vaultUri": f"https://{resource.name}.vault.azure.net/"}


def _component(resource: TrackedResource, tenant: str) -> Properties:
    return {
        "Application_Type": "web",
        "ApplicationId": resource.name,
        "AppId": resource.unique,
        "InstrumentationKey": resource.unique,
        "ConnectionString": f"InstrumentationKey={resource.unique}",
        "CreationDate": f"{resource.created:%Y-%m-%dT%H:%M:%SZ}",
        "TenantId": tenant,
    }


def _log_workspace(resource: TrackedResource, _tenant: str) -> Properties:
    return {"customerId": resource.unique, "retentionInDays": resource.properties.get("retentionInDays", 30)}


def _registry(resource: TrackedResource, _tenant: str) -> Properties:
    return {
        "loginServer": f"{resource.name.lower()}.azurecr.io",
        "creationDate": f"{resource.created:%Y-%m-%dT%H:%M:%SZ}",
        "adminUserEnabled": bool(resource.properties.get("adminUserEnabled", False)),
    }


KEY_VAULT = TrackedType(
    "Microsoft.KeyVault",
    "vaults",
    re.compile(r"(?=.{3,24}$)[A-Za-z](?:-?[A-Za-z0-9])*"),
    "3 to 24 letters, digits and hyphens; a letter first, no two hyphens together, no hyphen last",
    _vault,
)
APPLICATION_INSIGHTS = TrackedType(
    "Microsoft.Insights", "components", re.compile(r"[^%&\\?/]{1,260}(?<![ .])"), "1 to 260 characters but %&\\?/",
    _component,
)  # fmt: skip
LOG_ANALYTICS = TrackedType(
    "Microsoft.OperationalInsights",
    "workspaces",
    re.compile(r"(?=.{4,63}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"),
    "4 to 63 letters, digits and hyphens; no hyphen first or last",
    _log_workspace,
)
CONTAINER_REGISTRY = TrackedType(
    "Microsoft.ContainerRegistry",
    "registries",
    re.compile(r"[A-Za-z0-9]{5,50}"),
    "5 to 50 letters and digits",
    _registry,
    sku={"name": "Basic", "tier": "Basic"},
)
TYPES = (KEY_VAULT, APPLICATION_INSIGHTS, LOG_ANALYTICS, CONTAINER_REGISTRY)
