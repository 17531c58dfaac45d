"""Every service, by the name that ``--service`` has for it."""

from harness.config import Settings
from harness.resources.reap import ServiceResources
from harness.services import azureml  # its names are loaded when they are used, because it needs the SDK of blobs
from harness.services.batchai import BatchAiService
from harness.services.service import Service
from harness.target import CloudName, ServiceName


def service_named(name: ServiceName, settings: Settings, cloud: CloudName) -> Service:
    """The service of a name.

    Args:
        name: the name.
        settings: those of the service.
        cloud: where it is used.

    Raises:
        SettingsError: a setting of the service has no value, or cannot be used there.
    """
    if name == "azureml":
        return azureml.AzureMlService.of(settings, cloud)
    return BatchAiService()


def service_resources() -> ServiceResources:
    """The resources of services besides groups and storage, for ``harness reap``."""
    return azureml.AzureMlLeftovers()
