"""The types of all members of request bodies that the emulator reads; they are checked before anything is stored.

Stored records are read for years, so a value that cannot be read must not be stored. As in the service, unknown
members are ignored. ``body_reading`` checks the rules for all bodies; the classes here hold those of each body.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from harness.emulator.providers.azureml.rules.body_reading import Scalar

Texts = dict[str, Scalar]  # the service stores texts, and accepts numbers for them
Name = Annotated[str, Meta(max_length=255)]
Uri = Annotated[str, Meta(max_length=4096)]
Text = Annotated[str, Meta(max_length=65_536)]
Variable = Annotated[str, Meta(pattern=r"\A[^=]+\Z", max_length=255)]
Processes = Annotated[int, Meta(ge=1, le=1000)]
Servers = Annotated[int, Meta(ge=0, le=1000)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of a body; each member may be null or missing, unless another rule requires it."""


class Described(_Body, frozen=True, kw_only=True):
    """The members of most resources."""

    description: Text | None = None
    tags: dict[str, str | None] | None = None
    properties: Texts | None = None
    is_archived: bool | None = None
    is_anonymous: bool | None = None


class WorkspaceProperties(_Body, frozen=True, kw_only=True):
    """The properties of a workspace."""

    friendly_name: Name | None = None
    description: Text | None = None
    storage_account: Uri | None = None
    key_vault: Uri | None = None
    application_insights: Uri | None = None
    container_registry: Uri | None = None
    image_build_compute: Name | None = None
    public_network_access: Name | None = None
    hbi_workspace: bool | None = None
    allow_recover_soft_deleted_workspace: bool | None = None


class WorkspaceBody(_Body, frozen=True, kw_only=True):
    """A workspace, or changes to one."""

    location: str | None = None
    properties: WorkspaceProperties | None = None


class Reference(_Body, frozen=True, kw_only=True):
    """The id of another resource."""

    id: Uri | None = None


class NodeAccount(_Body, frozen=True, kw_only=True):
    """The administrator of nodes."""

    admin_user_name: Name | None = None
    admin_user_password: Text | None = None
    admin_user_ssh_public_key: Text | None = None


class Scale(_Body, frozen=True, kw_only=True):
    """The number of nodes; ``rules.computes.bounds`` checks the values."""

    min_node_count: int | None = None
    max_node_count: int | None = None
    node_idle_time_before_scale_down: Name | None = None


class ComputeSettings(_Body, frozen=True, kw_only=True):
    """The inner properties of a compute."""

    vm_size: Name | None = None
    vm_priority: Name | None = None
    scale_settings: Scale | None = None
    subnet: Reference | None = None
    remote_login_port_public_access: Name | None = None
    os_type: Name | None = None
    virtual_machine_image: Reference | None = None
    enable_node_public_ip: bool | None = None
    application_sharing_policy: Name | None = None
    user_account_credentials: NodeAccount | None = None


class ComputeProperties(_Body, frozen=True, kw_only=True):
    """The outer properties of a compute."""

    compute_type: Name | None = None
    description: Text | None = None
    disable_local_auth: bool | None = None
    properties: ComputeSettings | None = None


class ComputeBody(_Body, frozen=True, kw_only=True):
    """A compute, or changes to its scale settings."""

    location: str | None = None
    properties: ComputeProperties | None = None


class Build(_Body, frozen=True, kw_only=True):
    """The Docker build context of an environment's image."""

    context_uri: Uri | None = None
    dockerfile_path: Uri | None = None


class AssetProperties(Described, frozen=True, kw_only=True):
    """The properties of versions of all types of assets; ``rules.assets`` checks those of each type."""

    code_uri: Uri | None = None
    environment_type: Name | None = None
    image: Uri | None = None
    conda_file: str | None = None
    build: Build | None = None
    inference_config: dict[str, Any] | None = None
    os_type: Name | None = None
    stage: Name | None = None
    data_type: Name | None = None
    data_uri: Uri | None = None
    referenced_uris: list[Uri] | None = None
    model_type: Name | None = None
    model_uri: Uri | None = None
    job_name: Name | None = None
    flavors: dict[str, Any] | None = None


class AssetBody(_Body, frozen=True, kw_only=True):
    """A version of an asset, or an asset."""

    properties: AssetProperties | None = None


class SecretBody(_Body, frozen=True, kw_only=True):
    """The secret of a container or a share."""

    key: Text | None = None
    sas_token: Text | None = None


class CredentialsBody(_Body, frozen=True, kw_only=True):
    """The credentials of a container or a share."""

    credentials_type: Name | None = None
    secrets: SecretBody | None = None


class DatastoreProperties(Described, frozen=True, kw_only=True):
    """The properties of a datastore."""

    datastore_type: Name | None = None
    account_name: Name | None = None
    container_name: Name | None = None
    file_share_name: Name | None = None
    endpoint: Name | None = None
    protocol: Name | None = None
    is_default: bool | None = None
    subscription_id: Name | None = None
    resource_group: Name | None = None
    credentials: CredentialsBody | None = None


class DatastoreBody(_Body, frozen=True, kw_only=True):
    """A datastore."""

    properties: DatastoreProperties | None = None


class JobInputBody(_Body, frozen=True, kw_only=True):
    """An input of a job."""

    description: Text | None = None
    job_input_type: Name | None = None
    mode: Name | None = None
    uri: Uri | None = None
    value: Text | int | float | bool | None = None


class JobOutputBody(_Body, frozen=True, kw_only=True):
    """An output of a job."""

    description: Text | None = None
    job_output_type: Name | None = None
    mode: Name | None = None
    uri: Uri | None = None
    asset_name: Name | None = None
    asset_version: Name | None = None
    auto_delete_setting: dict[str, Any] | None = None


class JobResources(_Body, frozen=True, kw_only=True):
    """The nodes that a job needs."""

    instance_count: int | None = None
    max_instance_count: int | None = None
    instance_type: Name | None = None
    locations: list[Name] | None = None
    properties: dict[str, Any] | None = None
    shm_size: Name | None = None
    docker_args: Text | None = None


class Distribution(_Body, frozen=True, kw_only=True):
    """The framework that distributes a job, and its numbers of processes."""

    distribution_type: Name | None = None
    process_count_per_instance: Processes | None = None
    worker_count: Processes | None = None
    parameter_server_count: Servers | None = None


class JobLimits(_Body, frozen=True, kw_only=True):
    """How long a job may run."""

    job_limits_type: Name | None = None
    timeout: Name | None = None


class JobProperties(Described, frozen=True, kw_only=True):
    """The properties of a command job."""

    job_type: Name | None = None
    display_name: Name | None = None
    experiment_name: Name | None = None
    command: Text | None = None
    code_id: Uri | None = None
    environment_id: Uri | None = None
    compute_id: Uri | None = None
    environment_variables: dict[Variable, Scalar] | None = None
    inputs: dict[Name, JobInputBody] | None = None
    outputs: dict[Name, JobOutputBody | None] | None = None
    resources: JobResources | None = None
    distribution: Distribution | None = None
    limits: JobLimits | None = None
    identity: dict[str, Any] | None = None
    queue_settings: dict[str, Any] | None = None


class JobBody(_Body, frozen=True, kw_only=True):
    """A job, or changes to one."""

    properties: JobProperties | None = None
