"""Every service, by the name that ``--service`` takes."""

from harness.config import Settings
from harness.resources.reap import ServiceResources
from harness.services import azureml  # it is loaded at its first use, because it needs the SDK of blobs
from harness.services.batchai import BatchAiService
from harness.services.service import Service
from harness.target import CloudName, ServiceName


def service_named(name: ServiceName, settings: Settings, cloud: CloudName) -> Service:
    """Create the service with a name.

    Args:
        name: the name of the service.
        settings: the settings.
        cloud: the cloud in which the service is used.

    Raises:
        SettingsError: a setting of the service has no value, or cannot be used in that cloud.
    """
    if name == "azureml":
        return azureml.AzureMlService.of(settings, cloud)
    return BatchAiService()


def service_resources() -> ServiceResources:
    """The resources of services besides groups and storage, for ``harness reap``."""
    return azureml.AzureMlTaggedResources()
