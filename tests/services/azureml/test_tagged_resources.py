"""The resources in workspaces that ``harness reap`` deletes."""

from harness.resources import Provisioning
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.tagged_resources import AzureMlTaggedResources
from harness.services.azureml.workspace import PROVIDER, WorkspaceAddress, make_workspace


def test_of_a_group_only_workspaces_that_a_run_made_are_deleted_for_good(provisioning: Provisioning) -> None:
    client = provisioning.clients.management(RestClient)
    provisioning.clients.resources.resource_groups.create_or_update("shared", {"location": "eastus"})
    ours, copied, foreign = (
        WorkspaceAddress(client.subscription_id, "shared", name, is_owned=True)
        for name in ("ours", "copied", "foreign")
    )
    for address in (ours, copied, foreign):
        make_workspace(provisioning, address, location="eastus")
    client.send("PATCH", copied.id, body={"tags": client.get(ours.id)["tags"]})
    client.send("PATCH", foreign.id, body={"tags": {}})

    AzureMlTaggedResources().purge("shared", provisioning.clients)

    remaining = client.list(
        f"/subscriptions/{client.subscription_id}/resourceGroups/shared/providers/{PROVIDER}/workspaces"
    )
    assert sorted(workspace["name"] for workspace in remaining) == ["copied", "foreign"]
