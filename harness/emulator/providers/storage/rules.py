"""Validation of requests to Microsoft.Storage; pure.

Source: Microsoft's reference of "Storage Accounts - Create", API version 2017-10-01.
"""

import re
from typing import Any

from harness.emulator.providers.arm.rules import InvalidContentError

KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
KEY_NAMES = ("key1", "key2")
_MOST_DAYS = 365  # the longest retention policy

_NAME = re.compile(r"[a-z0-9]{3,24}")


def name_problem(name: str) -> str | None:
    """Return why a name is not valid for an account; None if it is valid."""
    if _NAME.fullmatch(name):
        return None
    return (
        f"{name[:100]} is not a valid storage account name. Storage account name must be between 3 and 24 characters "
        "in length and use numbers and lower-case letters only."
    )


def parse_sku(document: dict[str, Any], default: str | None = None) -> str:
    """Return the name of the body's SKU, in Azure's casing.

    Raises:
        InvalidContentError: the SKU is unknown, or missing without a default.
    """
    sku = document.get("sku")
    if sku is None and default is not None:
        return default
    return _choice(sku.get("name") if isinstance(sku, dict) else None, SKUS, "sku")


def parse_kind(document: dict[str, Any], default: str) -> str:
    """Return the body's kind of account, in Azure's casing.

    Raises:
        InvalidContentError: the kind is unknown.
    """
    return _choice(document.get("kind", default), KINDS, "kind")


def parse_flag(document: dict[str, Any], name: str) -> bool | None:
    """Return a flag of the body's ``properties``; None if the body does not contain it.

    Raises:
        InvalidContentError: ``properties`` is not an object, or the value is not a boolean.
    """
    value = parse_properties(document).get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_parameter(name)
    return value


def parse_properties(document: dict[str, Any]) -> dict[str, Any]:
    """Return the body's ``properties``; empty if it has none.

    Raises:
        InvalidContentError: ``properties`` is not an object.
    """
    properties = document.get("properties")
    if properties is None:
        return {}
    if not isinstance(properties, dict):
        raise invalid_parameter("properties")
    return properties


def parse_retention(policy: object, name: str) -> int:
    """Return for how many days a retention policy keeps deleted items; 0 if it is disabled.

    Args:
        name: the name of the policy.

    Raises:
        InvalidContentError: the policy is invalid.
    """
    if not isinstance(policy, dict) or not isinstance(policy.get("enabled"), bool):
        raise invalid_parameter(f"{name}.enabled")
    if not policy["enabled"]:
        return 0
    days = policy.get("days")
    if type(days) is not int or not 1 <= days <= _MOST_DAYS:
        raise invalid_parameter(f"{name}.days")
    return days


def parse_key_number(document: dict[str, Any]) -> int:
    """Return which key a body names: 0 for key1, 1 for key2.

    Raises:
        InvalidContentError: the body names another key, or none.
    """
    return KEY_NAMES.index(_choice(document.get("keyName"), KEY_NAMES, "keyName"))


def invalid_parameter(name: str) -> InvalidContentError:
    """Return the error about a parameter with an invalid value."""
    text = f"Values for request parameters are invalid: {name}."
    return InvalidContentError("InvalidValuesForRequestParameters", text)


def _choice(value: object, choices: tuple[str, ...], name: str) -> str:
    for choice in choices:
        if isinstance(value, str) and choice.lower() == value.lower():
            return choice
    raise invalid_parameter(name)
