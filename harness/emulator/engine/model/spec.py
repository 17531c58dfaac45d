"""What clients ask for: the definitions of API version 2018-05-01, in its names and its order of keys.

Earlier versions are read into the same records; what only they know is optional here. A key without a value is absent
on the wire, and what the service fills in is present: a plain default is left out, a ``filled`` one is written.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, field

T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Text = Annotated[str, Meta(max_length=65_536)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
NodeCount = Annotated[int, Meta(ge=0, le=100)]  # the service's own limit for a cluster


def filled(value: T) -> T:
    """A default that the service writes into its answers. (A plain default is not written.)"""
    default: T = field(default_factory=lambda: value)
    return default


class Word(StrEnum):
    """An enumeration of the service: lower case, accepted in any casing."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return next((member for member in cls if member.value.lower() == str(value).lower()), None)


class VmPriority(Word):
    """Whether Azure may take nodes away."""

    DEDICATED = "dedicated"
    LOW_PRIORITY = "lowpriority"


class DeallocationOption(Word):
    """What becomes of the job on a node that has to go."""

    REQUEUE = "requeue"
    TERMINATE = "terminate"
    WAIT_FOR_JOB_COMPLETION = "waitforjobcompletion"


class JobPriority(Word):
    """The rank of a job in its cluster's queue."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class CachingType(Word):
    """Of a file server's disks."""

    NONE = "none"
    READ_ONLY = "readonly"
    READ_WRITE = "readwrite"


class StorageAccountType(Word):
    """Of a file server's disks."""

    STANDARD_LRS = "Standard_LRS"
    PREMIUM_LRS = "Premium_LRS"


class OutputType(Word):
    """What an output directory holds, before 2018-05."""

    MODEL = "model"
    LOGS = "logs"
    SUMMARY = "summary"
    CUSTOM = "custom"


class Spec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A part of a definition, immutable; it holds no cycles, so the garbage collector need not look at it."""


class ResourceId(Spec, frozen=True, kw_only=True):
    """A reference to another resource, in the caller's casing."""

    id: Name


class KeyVaultSecretReference(Spec, frozen=True, kw_only=True):
    """A secret in a key vault, which the emulator cannot read."""

    source_vault: ResourceId
    secret_url: Name


class Credentials(Spec, frozen=True, kw_only=True):
    """The key of a storage account; never answered."""

    account_key: Text | None = None
    account_key_secret_reference: KeyVaultSecretReference | None = None


class AzureFileShareReference(Spec, frozen=True, kw_only=True):
    """A share and where it is mounted."""

    account_name: Name
    azure_file_url: Name
    credentials: Credentials
    relative_mount_path: Name
    file_mode: Name = filled("0777")
    directory_mode: Name = filled("0777")


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


class EnvironmentVariable(Spec, frozen=True, kw_only=True):
    """A variable whose value is answered."""

    name: Name
    value: Text


class Secret(Spec, frozen=True, kw_only=True):
    """A variable whose value is never answered."""

    name: Name
    value: Text | None = None
    value_secret_reference: KeyVaultSecretReference | None = None


class SetupTask(Spec, frozen=True, kw_only=True):
    """A command that every node runs before it is idle. ``run_elevated`` was known before 2018-05."""

    command_line: Text
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    secrets: tuple[Secret, ...] | None = None
    run_elevated: bool = False
    std_out_err_path_prefix: Name


class AppInsightsReference(Spec, frozen=True, kw_only=True):
    """Where performance counters would go."""

    component: ResourceId
    instrumentation_key: Text | None = None
    instrumentation_key_secret_reference: KeyVaultSecretReference | None = None


class PerformanceCountersSettings(Spec, frozen=True, kw_only=True):
    """Accepted and echoed; the emulator counts nothing."""

    app_insights_reference: AppInsightsReference


class NodeSetup(Spec, frozen=True, kw_only=True):
    """What happens on a node before it is idle."""

    setup_task: SetupTask | None = None
    mount_volumes: MountVolumes | None = None
    performance_counters_settings: PerformanceCountersSettings | None = None


class ManualScaleSettings(Spec, frozen=True, kw_only=True):
    """A fixed number of nodes."""

    target_node_count: NodeCount = filled(0)
    node_deallocation_option: DeallocationOption = filled(DeallocationOption.REQUEUE)


class AutoScaleSettings(Spec, frozen=True, kw_only=True):
    """As many nodes as the queue needs, within bounds."""

    minimum_node_count: NodeCount
    maximum_node_count: NodeCount
    initial_node_count: NodeCount = filled(0)


class ScaleSettings(Spec, frozen=True, kw_only=True):
    """One of the two."""

    manual: ManualScaleSettings | None = None
    auto_scale: AutoScaleSettings | None = None


class ImageReference(Spec, frozen=True, kw_only=True):
    """The operating system of a node."""

    publisher: Name = filled("Canonical")
    offer: Name = filled("UbuntuServer")
    sku: Name = filled("16.04-LTS")
    version: Name = filled("latest")
    virtual_machine_image_id: Name | None = None


class VirtualMachineConfiguration(Spec, frozen=True, kw_only=True):
    """What a node is made from."""

    image_reference: ImageReference = filled(ImageReference())


class UserAccountSettings(Spec, frozen=True, kw_only=True):
    """The administrator of a node; the password is never answered."""

    admin_user_name: Name
    admin_user_ssh_public_key: Text | None = None
    admin_user_password: Text | None = None


class ClusterSpec(Spec, frozen=True, kw_only=True):
    """The definition of a cluster."""

    vm_size: Name
    vm_priority: VmPriority = filled(VmPriority.DEDICATED)
    scale_settings: ScaleSettings = filled(ScaleSettings(manual=ManualScaleSettings()))
    virtual_machine_configuration: VirtualMachineConfiguration = filled(VirtualMachineConfiguration())
    user_account_settings: UserAccountSettings
    node_setup: NodeSetup | None = None
    subnet: ResourceId | None = None


class ClusterUpdate(Spec, frozen=True, kw_only=True):
    """What a PATCH may change."""

    scale_settings: ScaleSettings | None = None


class PrivateRegistryCredentials(Spec, frozen=True, kw_only=True):
    """Of a registry of images; only the name is answered."""

    username: Name
    password: Text | None = None
    password_secret_reference: KeyVaultSecretReference | None = None


class ImageSourceRegistry(Spec, frozen=True, kw_only=True):
    """A container image."""

    server_url: Text | None = None
    image: Name
    credentials: PrivateRegistryCredentials | None = None


class ContainerSettings(Spec, frozen=True, kw_only=True):
    """The container that a job asks for."""

    image_source_registry: ImageSourceRegistry
    shm_size: Name | None = None


class CntkSettings(Spec, frozen=True, kw_only=True):
    """CNTK, by BrainScript or Python."""

    language_type: Name | None = None
    config_file_path: Text | None = None
    python_script_file_path: Text | None = None
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class PyTorchSettings(Spec, frozen=True, kw_only=True):
    """PyTorch: one process a rank."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None
    communication_backend: Name | None = None


class TensorFlowSettings(Spec, frozen=True, kw_only=True):
    """TensorFlow: a master, workers and parameter servers."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    master_command_line_args: Text | None = None
    worker_command_line_args: Text | None = None
    parameter_server_command_line_args: Text | None = None
    worker_count: Count | None = None
    parameter_server_count: Count | None = None


class CaffeSettings(Spec, frozen=True, kw_only=True):
    """Caffe, by a solver's configuration or Python."""

    config_file_path: Text | None = None
    python_script_file_path: Text | None = None
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class Caffe2Settings(Spec, frozen=True, kw_only=True):
    """Caffe2: one process a node."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None


class ScriptSettings(Spec, frozen=True, kw_only=True):
    """Chainer or Horovod: a script under MPI."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class CustomToolkitSettings(Spec, frozen=True, kw_only=True):
    """A command on the first node."""

    command_line: Text | None = None


class CustomMpiSettings(Spec, frozen=True, kw_only=True):
    """A command under MPI."""

    command_line: Text
    process_count: Count | None = None


class JobPreparation(Spec, frozen=True, kw_only=True):
    """A command that every node runs before the job."""

    command_line: Text


class InputDirectory(Spec, frozen=True, kw_only=True):
    """``AZ_BATCHAI_INPUT_{id}``."""

    id: Name
    path: Text


class OutputDirectory(Spec, frozen=True, kw_only=True):
    """``AZ_BATCHAI_OUTPUT_{id}``. The last two were known before 2018-05."""

    id: Name
    path_prefix: Name
    path_suffix: Text | None = None
    type: OutputType | None = None
    create_new: bool | None = None


class JobConstraints(Spec, frozen=True, kw_only=True):
    """Limits of a job. ``max_retry_count`` was known in 2017."""

    max_wall_clock_time: Name = filled("P7D")
    max_retry_count: Annotated[int, Meta(ge=-1, le=1000)] | None = None


class JobSpec(Spec, frozen=True, kw_only=True):
    """The definition of a job. ``priority`` (-1000 to 1000) and ``experiment_name`` were sent before 2018-05."""

    experiment_name: Text | None = None
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | None = None
    scheduling_priority: JobPriority = filled(JobPriority.NORMAL)
    cluster: ResourceId
    node_count: Annotated[int, Meta(ge=1, le=10_000)]
    container_settings: ContainerSettings | None = None
    mount_volumes: MountVolumes | None = None
    cntk_settings: CntkSettings | None = None
    py_torch_settings: PyTorchSettings | None = None
    tensor_flow_settings: TensorFlowSettings | None = None
    caffe_settings: CaffeSettings | None = None
    caffe2_settings: Caffe2Settings | None = None
    chainer_settings: ScriptSettings | None = None
    custom_toolkit_settings: CustomToolkitSettings | None = None
    custom_mpi_settings: CustomMpiSettings | None = None
    horovod_settings: ScriptSettings | None = None
    job_preparation: JobPreparation | None = None
    std_out_err_path_prefix: Name
    input_directories: tuple[InputDirectory, ...] | None = None
    output_directories: tuple[OutputDirectory, ...] | None = None
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    secrets: tuple[Secret, ...] | None = None
    constraints: JobConstraints = filled(JobConstraints())


# The fields of a job's toolkit, of which exactly one is set.
TOOLKITS = tuple(name for name in JobSpec.__struct_fields__ if name.endswith("_settings") and name[:3] != "con")


class DataDisks(Spec, frozen=True, kw_only=True):
    """The disks of a file server."""

    disk_size_in_gb: Annotated[int, Meta(ge=1, le=32_767)] = field(name="diskSizeInGB")
    caching_type: CachingType = filled(CachingType.NONE)
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
