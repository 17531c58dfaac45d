"""The types that all parts of a definition share: values, enumerations, references."""

from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, field

T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Text = Annotated[str, Meta(max_length=65_536)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
NodeCount = Annotated[int, Meta(ge=0, le=100)]  # the service's own limit for a cluster


def service_default(value: T) -> T:
    """A default that the service fills in, which JSON therefore contains; JSON leaves out a plain default."""
    default: T = field(default_factory=lambda: value)
    return default


class Word(StrEnum):
    """An enumeration of the service: its values are in lower case, and it accepts them in any casing."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return next((member for member in cls if member.value.lower() == str(value).lower()), None)


class Spec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A part of a definition. It is immutable and holds no reference cycles, so the garbage collector can ignore it."""


class ResourceId(Spec, frozen=True, kw_only=True):
    """A reference to another resource, in the casing of the caller."""

    id: Name


class KeyVaultSecretReference(Spec, frozen=True, kw_only=True):
    """A secret in a key vault, which the emulator cannot read."""

    source_vault: ResourceId
    secret_url: Name
