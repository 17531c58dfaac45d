"""The volumes that a cluster or a job mounts."""

from harness.emulator.engine.model.spec.definition import (
    KeyVaultSecretReference,
    Name,
    ResourceId,
    Spec,
    Text,
    service_default,
)


class Credentials(Spec, frozen=True, kw_only=True):
    """The key of a storage account, which no response shows."""

    account_key: Text | None = None
    account_key_secret_reference: KeyVaultSecretReference | None = None


class AzureFileShareReference(Spec, frozen=True, kw_only=True):
    """A share and where it is mounted."""

    account_name: Name
    azure_file_url: Name
    credentials: Credentials
    relative_mount_path: Name
    file_mode: Name = service_default("0777")
    directory_mode: Name = service_default("0777")


class AzureBlobFileSystemReference(Spec, frozen=True, kw_only=True):
    """A container of blobs and where it is mounted."""

    account_name: Name
    container_name: Name
    credentials: Credentials
    relative_mount_path: Name
    mount_options: Text | None = None


class FileServerReference(Spec, frozen=True, kw_only=True):
    """A file server and where it is mounted."""

    file_server: ResourceId
    source_directory: Text | None = None
    relative_mount_path: Name
    mount_options: Text | None = None


class UnmanagedFileSystemReference(Spec, frozen=True, kw_only=True):
    """A file system that the user's own command mounts."""

    mount_command: Text
    relative_mount_path: Name


class MountVolumes(Spec, frozen=True, kw_only=True):
    """Everything that a cluster or a job mounts."""

    azure_file_shares: tuple[AzureFileShareReference, ...] | None = None
    file_servers: tuple[FileServerReference, ...] | None = None
    azure_blob_file_systems: tuple[AzureBlobFileSystemReference, ...] | None = None
    unmanaged_file_systems: tuple[UnmanagedFileSystemReference, ...] | None = None
