"""The definition of a cluster."""

from harness.emulator.engine.model.spec.definition import (
    KeyVaultSecretReference,
    Name,
    NodeCount,
    ResourceId,
    Spec,
    Text,
    Word,
    service_default,
)
from harness.emulator.engine.model.spec.variables import EnvironmentVariable, Secret
from harness.emulator.engine.model.spec.volumes import MountVolumes


class VmPriority(Word):
    """Whether Azure may take nodes away."""

    DEDICATED = "dedicated"
    LOW_PRIORITY = "lowpriority"


class DeallocationOption(Word):
    """What happens to the job on a node that is released."""

    REQUEUE = "requeue"
    TERMINATE = "terminate"
    WAIT_FOR_JOB_COMPLETION = "waitforjobcompletion"


class SetupTask(Spec, frozen=True, kw_only=True):
    """A command that every node runs before it is idle. Only API versions before 2018-05 have ``run_elevated``."""

    command_line: Text
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    secrets: tuple[Secret, ...] | None = None
    run_elevated: bool = False
    std_out_err_path_prefix: Name


class AppInsightsReference(Spec, frozen=True, kw_only=True):
    """The Application Insights component that would receive performance counters."""

    component: ResourceId
    instrumentation_key: Text | None = None
    instrumentation_key_secret_reference: KeyVaultSecretReference | None = None


class PerformanceCountersSettings(Spec, frozen=True, kw_only=True):
    """Where a cluster sends performance counters. The emulator only stores and shows the settings."""

    app_insights_reference: AppInsightsReference


class NodeSetup(Spec, frozen=True, kw_only=True):
    """The set-up of a node before it becomes idle."""

    setup_task: SetupTask | None = None
    mount_volumes: MountVolumes | None = None
    performance_counters_settings: PerformanceCountersSettings | None = None


class ManualScaleSettings(Spec, frozen=True, kw_only=True):
    """A fixed number of nodes."""

    target_node_count: NodeCount = service_default(0)
    node_deallocation_option: DeallocationOption = service_default(DeallocationOption.REQUEUE)


class AutoScaleSettings(Spec, frozen=True, kw_only=True):
    """As many nodes as the queue needs, within bounds."""

    minimum_node_count: NodeCount
    maximum_node_count: NodeCount
    initial_node_count: NodeCount = service_default(0)


class ScaleSettings(Spec, frozen=True, kw_only=True):
    """Exactly one of manual and automatic scaling."""

    manual: ManualScaleSettings | None = None
    auto_scale: AutoScaleSettings | None = None


class ImageReference(Spec, frozen=True, kw_only=True):
    """The operating system of a node."""

    publisher: Name = service_default("Canonical")
    offer: Name = service_default("UbuntuServer")
    sku: Name = service_default("16.04-LTS")
    version: Name = service_default("latest")
    virtual_machine_image_id: Name | None = None


class VirtualMachineConfiguration(Spec, frozen=True, kw_only=True):
    """The image of a node."""

    image_reference: ImageReference = service_default(ImageReference())


class UserAccountSettings(Spec, frozen=True, kw_only=True):
    """The administrator of a node; no response shows the password."""

    admin_user_name: Name
    admin_user_ssh_public_key: Text | None = None
    admin_user_password: Text | None = None


class ClusterSpec(Spec, frozen=True, kw_only=True):
    """The definition of a cluster."""

    vm_size: Name
    vm_priority: VmPriority = service_default(VmPriority.DEDICATED)
    scale_settings: ScaleSettings = service_default(ScaleSettings(manual=ManualScaleSettings()))
    virtual_machine_configuration: VirtualMachineConfiguration = service_default(VirtualMachineConfiguration())
    user_account_settings: UserAccountSettings
    node_setup: NodeSetup | None = None
    subnet: ResourceId | None = None


class ClusterUpdate(Spec, frozen=True, kw_only=True):
    """The part of a cluster that a PATCH may change."""

    scale_settings: ScaleSettings | None = None
