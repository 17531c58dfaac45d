"""The definition of a job."""

from typing import Annotated

from msgspec import Meta

from harness.emulator.engine.model.spec.definition import (
    KeyVaultSecretReference,
    Name,
    ResourceId,
    Spec,
    Text,
    Word,
    service_default,
)
from harness.emulator.engine.model.spec.toolkits import (
    Caffe2Settings,
    CaffeSettings,
    CntkSettings,
    CustomMpiSettings,
    CustomToolkitSettings,
    PyTorchSettings,
    ScriptSettings,
    TensorFlowSettings,
)
from harness.emulator.engine.model.spec.variables import EnvironmentVariable, Secret
from harness.emulator.engine.model.spec.volumes import MountVolumes


class JobPriority(Word):
    """The rank of a job in its cluster's queue."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class OutputType(Word):
    """What an output directory holds; only API versions before 2018-05 have it."""

    MODEL = "model"
    LOGS = "logs"
    SUMMARY = "summary"
    CUSTOM = "custom"


class PrivateRegistryCredentials(Spec, frozen=True, kw_only=True):
    """The credentials of a container registry; responses show only the user name."""

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


class JobPreparation(Spec, frozen=True, kw_only=True):
    """A command that every node runs before the job."""

    command_line: Text


class InputDirectory(Spec, frozen=True, kw_only=True):
    """A directory that the job reads, in its variable ``AZ_BATCHAI_INPUT_{id}``."""

    id: Name
    path: Text


class OutputDirectory(Spec, frozen=True, kw_only=True):
    """A directory that the job writes, in its variable ``AZ_BATCHAI_OUTPUT_{id}``.

    Only API versions before 2018-05 have ``type`` and ``create_new``.
    """

    id: Name
    path_prefix: Name
    path_suffix: Text | None = None
    type: OutputType | None = None
    create_new: bool | None = None


class JobConstraints(Spec, frozen=True, kw_only=True):
    """Limits of a job. Only API version 2017-09-01-preview has ``max_retry_count``."""

    max_wall_clock_time: Name = service_default("P7D")
    max_retry_count: Annotated[int, Meta(ge=-1, le=1000)] | None = None


class JobSpec(Spec, frozen=True, kw_only=True):
    """The definition of a job. Only API versions before 2018-05 have ``priority`` and ``experiment_name``.

    ``std_out_err_path_prefix`` is None for a service that chooses the directories of streams itself.
    """

    experiment_name: Text | None = None
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | None = None
    scheduling_priority: JobPriority = service_default(JobPriority.NORMAL)
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
    std_out_err_path_prefix: Name | None = None
    input_directories: tuple[InputDirectory, ...] | None = None
    output_directories: tuple[OutputDirectory, ...] | None = None
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    secrets: tuple[Secret, ...] | None = None
    constraints: JobConstraints = service_default(JobConstraints())


# The fields of a job's toolkit, of which exactly one is set.
TOOLKITS = tuple(name for name in JobSpec.__struct_fields__ if name.endswith("_settings") and name[:3] != "con")
