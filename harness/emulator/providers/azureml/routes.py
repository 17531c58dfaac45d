"""Every operation of Microsoft.MachineLearningServices that the emulator plays, by Microsoft's names."""

from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.providers.azureml.handlers.workspaces import Workspaces
from harness.emulator.routing import Route

_SUBSCRIPTION = f"/subscriptions/{{subscription}}/providers/{MACHINE_LEARNING}"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{MACHINE_LEARNING}"
_WORKSPACE = _GROUP + "/workspaces/{workspace}"


def workspace_routes(workspaces: Workspaces) -> tuple[Route, ...]:
    """Workspaces."""
    return (
        Route("GET", _SUBSCRIPTION + "/workspaces", "Workspaces_ListBySubscription", workspaces.list_all),
        Route("GET", _GROUP + "/workspaces", "Workspaces_ListByResourceGroup", workspaces.list_in_group),
        Route("GET", _WORKSPACE, "Workspaces_Get", workspaces.get),
        Route("PATCH", _WORKSPACE, "Workspaces_Update", workspaces.patch),
    )
