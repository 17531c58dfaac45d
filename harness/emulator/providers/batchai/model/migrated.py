"""The workspaces in which API version 2018-05 shows resources of earlier versions, which have no workspaces.

Azure moved their resources into the workspace ``migrated-{location}``, and their jobs into its experiment ``migrated``.
"""

from harness.emulator.engine.model.address import Address

MIGRATED_EXPERIMENT = "migrated"
_PREFIX = "migrated-"


def migrated_workspace(location: str) -> str:
    """The workspace of a region that holds the resources of earlier versions."""
    return _PREFIX + location


def is_migrated(address: Address) -> bool:
    """Whether earlier API versions show a resource."""
    names = address.names
    return names[0].lower().startswith(_PREFIX) and (len(names) < 3 or names[1].lower() == MIGRATED_EXPERIMENT)
