"""Every service, by the name that ``--service`` has for it."""

from harness.services.batchai import BatchAiService
from harness.services.service import Service
from harness.target import ServiceName, require_service


def service_named(name: ServiceName) -> Service:
    """The service of a name.

    Raises:
        SettingsError: it is reserved for a later version.
    """
    require_service(name)
    return BatchAiService()
