"""A job whose name is taken: by itself, if the response to its creation was lost, or by another job."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.mgmt.batchai import models

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import ProvisioningError
from harness.resources import FileShare, Journal, Provisioning, ResourceGroup
from harness.services.batchai.cluster import GpuCluster
from harness.services.batchai.job import BatchAiJob, make_experiment
from harness.services.service import ClusterPlan, MountPlan


@pytest.fixture
def cluster(emulator: Endpoint, tmp_path: Path) -> Iterator[GpuCluster]:
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("s/job") as clients,
    ):
        provisioning = Provisioning(
            cloud, clients, Journal(tmp_path / "journal"), lambda _event: None, run=cloud.facts.run
        )
        plan = ClusterPlan("w", "eastus", "STANDARD_NC6", 1, (MountPlan("share", "jobs", "azurefileshare"),), 60)
        with (
            ResourceGroup(provisioning, name="jobs", location="eastus"),
            FileShare(provisioning, group="jobs", name="jobs"),
            GpuCluster(provisioning, group="jobs", name="c", plan=plan) as cluster,
        ):
            make_experiment(provisioning, group="jobs", workspace="w", name="e")
            yield cluster


def job(cluster: GpuCluster, command: str, variable: str = "") -> BatchAiJob:
    parameters = models.JobCreateParameters(
        cluster=models.ResourceId(id=cluster.id),
        node_count=1,
        std_out_err_path_prefix="$AZ_BATCHAI_MOUNT_ROOT/azurefileshare",
        custom_toolkit_settings=models.CustomToolkitSettings(command_line=command),
        environment_variables=[models.EnvironmentVariable(name="V", value=variable)],
    )
    address = {"group": "jobs", "workspace": "w", "experiment": "e", "name": "j"}
    return BatchAiJob(cluster.provisioning, **address, parameters=parameters)


@pytest.mark.parametrize("variable", ["", "another definition to the service"])
def test_the_same_job_is_taken_as_submitted(cluster: GpuCluster, variable: str) -> None:
    with job(cluster, "true"):
        job(cluster, "true", variable).create()


def test_another_job_of_that_name_is_refused(cluster: GpuCluster) -> None:
    with job(cluster, "true"), pytest.raises(ProvisioningError, match="j already exists with a different definition"):
        job(cluster, "false").open()


def test_a_job_that_the_list_of_another_one_shows_as_finished_is_deleted_without_waiting(cluster: GpuCluster) -> None:
    requested = list[str]()
    cluster.provisioning.clients.session.hooks["response"].append(
        lambda answer, **_: requested.append(answer.request.method)
    )
    with job(cluster, "true") as first:
        first.wait(deadline=60)
        other = job(cluster, "true")
        other.update_from(first.list_jobs())
        requested.clear()
        other.delete()
    assert requested[0] == "DELETE"
    assert "GET" not in requested
