"""The names of resources, and the characters that they may have."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from harness.scenario.record import IDENTIFIER
from harness.scenario.volumes import SHARE_NAME

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"  # Batch AI's names have no dot
_GROUP_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"
PATTERNS: Mapping[str, str] = {
    _NAME: "letters, digits, '-' and '_', and does not begin with '-'",
    _GROUP_NAME: "letters, digits, '.', '-' and '_', and neither begins with '.' or '-' nor ends with '.'",
    IDENTIFIER: "letters, digits and '_', and does not begin with a digit",
    SHARE_NAME: "lower-case letters, digits and single hyphens between them",
}
"""For each pattern, a description of the texts that match it."""

Name = Annotated[str, Field(pattern=_NAME, max_length=64)]
GroupName = Annotated[str, Field(pattern=_GROUP_NAME, max_length=90)]
