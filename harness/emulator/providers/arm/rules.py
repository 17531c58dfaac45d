"""Rules of Resource Manager for requests; pure."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from harness.emulator.fault_targets import FaultTarget
from harness.emulator.text_cache import text_cache

NAMESPACES = (
    "Microsoft.Authorization",
    "Microsoft.Batch",
    "Microsoft.BatchAI",
    "Microsoft.Compute",
    "Microsoft.ContainerRegistry",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Resources",
    "Microsoft.Storage",
)
ALWAYS_REGISTERED = ("Microsoft.Authorization", "Microsoft.Resources", "Microsoft.Storage")

_NAMESPACES = {name.lower(): name for name in NAMESPACES}

OWN_PREFIX = ["providers", "harness.emulator"]  # the first segments of the paths of the emulator's own operations
_POLLS = frozenset({"operationresults", "operationstatuses", "asyncoperations"})
_REGION = re.compile(r"[a-z0-9]{1,60}")
_GROUP_NAME = re.compile(r"[-\w.()]{0,89}[-\w()]")


class InvalidContentError(Exception):
    """A request body that Resource Manager refuses; ``code`` is Azure's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def namespace(name: str) -> str | None:
    """The namespace of a name in its canonical casing, or None if it is unknown."""
    return _NAMESPACES.get(name.lower())


@text_cache
def segments_of(path: str) -> tuple[Sequence[str], Sequence[str]]:
    """The segments of a path as they are written, and in lower case."""
    segments = path.strip("/").split("/")
    return segments, [segment.lower() for segment in segments]


def fault_target_of(path: str) -> FaultTarget | None:
    """The group of a path, and whether it polls an operation; None for the emulator's own operations."""
    segments, lower = segments_of(path)
    if lower[:2] == OWN_PREFIX or (lower[-1] == "preempt" and "clusters" in lower[-3:]):
        return None
    group = segments[3] if len(segments) > 3 and lower[2] == "resourcegroups" else ""
    return FaultTarget("arm", group, polls=not _POLLS.isdisjoint(lower))


def parse_object(body: bytes) -> dict[str, Any]:
    """A request body that must be a JSON object.

    Raises:
        InvalidContentError: it is not a JSON object.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = "The request content was invalid and could not be deserialized."
        raise InvalidContentError("InvalidRequestContent", text) from error
    if not isinstance(document, dict):
        raise InvalidContentError("InvalidRequestContent", "The request content must be a JSON object.")
    return document


def check_group_name(name: str) -> None:
    """A group's name has 1 to 90 letters, digits, ``_-.()`` and does not end with a dot.

    Raises:
        InvalidContentError: the name is not valid.
    """
    if not _GROUP_NAME.fullmatch(name):
        text = (
            f"The provided resource group name '{name[:100]}' has these invalid characters or a wrong length. "
            "It has 1 to 90 letters, digits, '-', '.', '(', ')' and '_', and does not end with '.'."
        )
        raise InvalidContentError("InvalidResourceGroupName", text)


def parse_tags(document: dict[str, Any]) -> dict[str, str] | None:
    """The tags of a body: at most 50, with texts as values; None if it has none.

    Raises:
        InvalidContentError: the tags are not valid.
    """
    tags = document.get("tags")
    if tags is None:
        return None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise InvalidContentError(
            "InvalidRequestContent", "The property 'tags' must be an object whose values are strings."
        )
    if len(tags) > 50:
        raise InvalidContentError("InvalidTagCount", f"The tag count '{len(tags)}' is above the limit of '50'.")
    return dict(tags)


def parse_location(document: dict[str, Any]) -> str:
    """The region of a body, in Azure's short form (``East US`` is ``eastus``).

    Raises:
        InvalidContentError: it is missing, or is not the name of a region.
    """
    location = document.get("location")
    if not isinstance(location, str) or not location.strip():
        raise InvalidContentError("LocationRequired", "The location property is required for this definition.")
    short = location.replace(" ", "").lower()
    if not _REGION.fullmatch(short):
        text = (
            f"The provided location '{location[:60]}' is not available for this resource type. A region is written in "
            "letters and digits, for example 'eastus'."
        )
        raise InvalidContentError("LocationNotAvailableForResourceType", text)
    return short
