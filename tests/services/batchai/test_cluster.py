from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.mgmt.batchai import BatchAI, models

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.errors import ProvisioningError
from harness.fault_plans import make_plan
from harness.resources import FileShare, Journal, Provisioning, ResourceGroup
from harness.resources.events import ClusterStatus
from harness.scenario.cluster import NodeRange, SetupSpec
from harness.services.batchai.cluster import GpuCluster
from harness.services.service import ClusterPlan, MountPlan
from tests.fakes import injected


@pytest.fixture
def statuses() -> list[str]:
    return []


@pytest.fixture
def provisioning(emulator: Endpoint, tmp_path: Path, statuses: list[str]) -> Iterator[Provisioning]:
    """The context of clusters, with a group ``clusters`` and in it a share ``mounted``."""
    with provisioning_on(emulator, tmp_path, statuses) as context:
        yield context


@contextmanager
def provisioning_on(endpoint: Endpoint, tmp_path: Path, statuses: list[str]) -> Iterator[Provisioning]:
    def report(event: object) -> None:
        if isinstance(event, ClusterStatus):
            statuses.append(str(event))

    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=endpoint) as cloud,
        cloud.clients("s/cluster") as clients,
    ):
        context = Provisioning(cloud, clients, Journal(tmp_path / "journal"), report, run=cloud.facts.run)
        with (
            ResourceGroup(context, name="clusters", location="eastus"),
            FileShare(context, group="clusters", name="mounted"),
        ):
            yield context


def cluster(
    provisioning: Provisioning, nodes: int | NodeRange = 1, share: str = "mounted", queued: float = 60
) -> GpuCluster:
    plan = ClusterPlan("w", "eastus", "STANDARD_NC6", nodes, (MountPlan("share", share, "azurefileshare"),), queued)
    return GpuCluster(provisioning, group="clusters", name="c", plan=plan)


def test_nodes_are_reported_in_the_quickstarts_own_line(provisioning: Provisioning, statuses: list[str]) -> None:
    with cluster(provisioning, 2):
        pass
    assert statuses[-1] == (
        "Cluster state: steady Target: 2; Allocated: 2; Idle: 2; Unusable: 0; Running: 0; Preparing: 0; Leaving: 0"
    )


def test_a_scaled_cluster_may_begin_without_nodes(provisioning: Provisioning) -> None:
    with cluster(provisioning, NodeRange(min=0, max=2)) as scaled:
        scale = (
            provisioning.clients.management(BatchAI)
            .clusters.get("clusters", "w", scaled.name)
            .scale_settings.auto_scale
        )
        assert (scale.minimum_node_count, scale.maximum_node_count) == (0, 2)


def test_a_service_that_omits_counts_of_nodes_and_their_scale_has_not_brought_them_up(
    provisioning: Provisioning, statuses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = cluster(provisioning, queued=0)
    clusters = SimpleNamespace(get=lambda *_: models.Cluster())
    monkeypatch.setattr(GpuCluster, "_clusters", clusters)
    with pytest.raises(ProvisioningError, match="did not get its 1 node"):
        pending.wait_for_nodes()
    assert statuses[-1].endswith("Idle: 0; Unusable: 0; Running: 0; Preparing: 0; Leaving: 0")
    with pytest.raises(ProvisioningError, match="exists with an unknown size and an unknown number of node"):
        pending.adopt()


def test_its_id_is_the_one_that_the_service_gives(provisioning: Provisioning) -> None:
    with cluster(provisioning) as created:
        assert created.id == provisioning.clients.management(BatchAI).clusters.get("clusters", "w", "c").id


def test_nodes_run_the_setup_before_they_are_idle_and_it_writes_to_the_first_volume(
    provisioning: Provisioning,
) -> None:
    prepared = cluster(provisioning)
    setup = SetupSpec(
        command='echo "ready $WHAT" > $AZ_BATCHAI_MOUNT_ROOT/azurefileshare/it', environment={"WHAT": "a"}
    )
    prepared.plan = replace(prepared.plan, setup=setup, priority="lowpriority")
    with prepared:
        assert provisioning.clients.files.get_file_to_text("mounted", None, "it").content == "ready a\n"
        reported = provisioning.clients.management(BatchAI).clusters.get("clusters", "w", "c")
        assert reported.vm_priority == "lowpriority"
        assert reported.node_setup.setup_task.std_out_err_path_prefix == "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"


def test_a_setup_that_fails_is_reported(provisioning: Provisioning) -> None:
    failing = cluster(provisioning)
    failing.plan = replace(failing.plan, setup=SetupSpec(command="exit 3"))
    with pytest.raises(ProvisioningError, match="NodeSetupTaskFailed"):
        failing.open()


def test_a_share_that_is_missing_is_named(provisioning: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=r"cluster c: AZFMountError: .* [(]share gone of account "):
        cluster(provisioning, share="gone").open()


def test_one_that_is_there_as_planned_is_used_again(provisioning: Provisioning) -> None:
    with cluster(provisioning):
        assert cluster(provisioning).adopt()
    assert not cluster(provisioning).adopt()


def test_one_of_another_size_is_refused(provisioning: Provisioning) -> None:
    with (
        cluster(provisioning),
        pytest.raises(ProvisioningError, match=r"exists with STANDARD_NC6 and 1 node.* wants STANDARD_NC6 and 2"),
    ):
        cluster(provisioning, 2).adopt()


def test_nodes_that_do_not_come_are_an_error_that_names_the_limit(tmp_path: Path, statuses: list[str]) -> None:
    slow = launch(pace=0.01)  # a node takes two seconds
    with slow as endpoint, provisioning_on(endpoint, tmp_path, statuses) as provisioning:
        late = cluster(provisioning, queued=0.01)
        with pytest.raises(ProvisioningError, match=r"did not get its 1 node.* within 0 s .limits.queued") as caught:
            late.open()
        assert "Cluster state: resizing Target: 1;" in str(caught.value)
        assert list(provisioning.clients.management(BatchAI).clusters.list_by_workspace("clusters", "w")) == []


def test_one_that_is_there_already_as_planned_is_ours(provisioning: Provisioning, statuses: list[str]) -> None:
    second = cluster(provisioning)
    second.plan = replace(second.plan, vm_size="standard_nc6")  # another definition to the service, so a conflict
    with cluster(provisioning):
        second.create()
    assert statuses[-1].startswith("Cluster state: steady Target: 1")


def test_one_that_is_there_already_and_is_another_is_refused(provisioning: Provisioning) -> None:
    with cluster(provisioning), pytest.raises(ProvisioningError, match="exists with STANDARD_NC6 and 1 node"):
        cluster(provisioning, 2).open()


def test_a_node_that_never_boots_is_named(provisioning: Provisioning) -> None:
    plan = make_plan("no-boot", {"no-boot": 1}, group="clusters", share="mounted")
    message = r"within 1 s \(limits.queued in the scenario\): .*; 1 node\(s\) \(of tvm-.*\) still preparing: run again"
    with (
        injected(provisioning.cloud, plan),
        pytest.raises(ProvisioningError, match=message),
        cluster(provisioning, queued=1),
    ):
        pass
