"""Datastores of runs that share a workspace, and storage in it."""

from pathlib import Path

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.resources import Journal, Provisioning
from harness.services.azureml.datastore import delete_datastore, make_datastore
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import MountPlan

SHARE = MountPlan("share", "common", "azurefileshare")


def test_the_end_of_one_run_takes_no_datastore_from_another(emulator: Endpoint, tmp_path: Path) -> None:
    workspace = WorkspaceAddress(
        emulator.subscription_id, emulator.azureml_resource_group, emulator.azureml_workspace, is_owned=False
    )
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as first,
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as second,
        first.clients("one") as first_clients,
        second.clients("two") as second_clients,
    ):
        runs = [
            Provisioning(cloud, clients, Journal(tmp_path / "j"), lambda _event: None, cloud.facts.run)
            for cloud, clients in ((first, first_clients), (second, second_clients))
        ]
        client = first_clients.management(RestClient)

        def left() -> list[str]:
            names = (str(datastore["name"]) for datastore in client.list(f"{workspace.id}/datastores"))
            return sorted(name for name in names if name.startswith("common"))

        for run in runs:
            make_datastore(run, workspace, SHARE)
        names_of_both = left()
        delete_datastore(runs[0], workspace, SHARE)
        after_one = left()
        delete_datastore(runs[1], workspace, SHARE)
        assert names_of_both == sorted(f"common_{run.cloud.facts.suffix}" for run in runs)
        assert after_one == [f"common_{second.facts.suffix}"]
        assert left() == []
