"""The workspace that every emulator has at its start, with the resources that it depends on."""

import uuid
from collections.abc import Sequence

from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails
from harness.emulator.providers.azureml.provider import AzureML
from harness.emulator.providers.tracked import TrackedResources
from harness.emulator.providers.tracked.model import APPLICATION_INSIGHTS, KEY_VAULT

NAME = "azureml"
FIRST_LOCATION = "eastus"


def first_workspace(group: str) -> Address:
    """The address of the first workspace in the emulator's own group, which has the id ``group``."""
    segments = group.split("/")
    return Address(segments[2], segments[4], (NAME,), MACHINE_LEARNING)


def ensure_first_workspace(
    azureml: AzureML, tracked: Sequence[TrackedResources], *, group: str, storage_account: str
) -> None:
    """Create the first workspace, unless it exists.

    Args:
        tracked: the providers of the resources that it depends on.
        group: the id of the emulator's own resource group.
        storage_account: the id of the account that holds its containers and shares.
    """
    ids = {provider.namespace: provider.ensure(group, NAME, FIRST_LOCATION) for provider in tracked}
    details = WorkspaceDetails(
        workspace_id=str(uuid.uuid4()),
        principal_id=str(uuid.uuid4()),
        friendly_name=NAME,
        storage_account=storage_account,
        key_vault=ids[KEY_VAULT.namespace],
        application_insights=ids[APPLICATION_INSIGHTS.namespace],
    )
    azureml.workspaces.ensure(first_workspace(group), location=FIRST_LOCATION, details=details)
