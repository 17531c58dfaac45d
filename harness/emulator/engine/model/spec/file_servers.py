"""The definition of a file server."""

from typing import Annotated

from msgspec import Meta, field

from harness.emulator.engine.model.spec.clusters import UserAccountSettings
from harness.emulator.engine.model.spec.definition import Name, ResourceId, Spec, Word, service_default


class CachingType(Word):
    """The caching of a file server's disks."""

    NONE = "none"
    READ_ONLY = "readonly"
    READ_WRITE = "readwrite"


class StorageAccountType(Word):
    """The kind of a file server's disks."""

    STANDARD_LRS = "Standard_LRS"
    PREMIUM_LRS = "Premium_LRS"


class DataDisks(Spec, frozen=True, kw_only=True):
    """The disks of a file server."""

    disk_size_in_gb: Annotated[int, Meta(ge=1, le=32_767)] = field(name="diskSizeInGB")
    caching_type: CachingType = service_default(CachingType.NONE)
    disk_count: Annotated[int, Meta(ge=1, le=64)]
    storage_account_type: StorageAccountType


class SshConfiguration(Spec, frozen=True, kw_only=True):
    """Who may log in to a file server, and from where."""

    public_ips_to_allow: tuple[Name, ...] | None = field(name="publicIPsToAllow", default=None)
    user_account_settings: UserAccountSettings


class FileServerSpec(Spec, frozen=True, kw_only=True):
    """The definition of a file server."""

    vm_size: Name
    ssh_configuration: SshConfiguration
    data_disks: DataDisks
    subnet: ResourceId | None = None
