"""Which compute of an existing workspace may be used again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.errors import ProvisioningError
from harness.resources import Provisioning
from harness.resources.owner import Owner
from harness.resources.tags import read_tags
from harness.services.azureml.compute import AmlCompute, delete_compute
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import ClusterPlan

PLAN = ClusterPlan("w", "eastus", "Standard_NC4as_T4_v3", nodes=1, mounts=(), queued=60.0)
ELSEWHERE = Owner("0123456789ab", 1, "boot.1")


def compute_of(provisioning: Provisioning) -> AmlCompute:
    """The compute of a run in the workspace that every emulator has."""
    subscription = provisioning.cloud.facts.subscription_id
    workspace = WorkspaceAddress(subscription, "harness-emulator", "azureml", is_owned=False)
    return AmlCompute(provisioning, group="g", name="mycompute", plan=PLAN, workspace=workspace)


@pytest.fixture
def compute(provisioning: Provisioning) -> Iterator[AmlCompute]:
    owned = compute_of(provisioning)
    yield owned
    delete_compute(provisioning.clients, owned.id)


def test_one_that_is_not_there_is_not_used_again(compute: AmlCompute) -> None:
    assert not compute.adopt()


def test_one_of_another_owner_is_refused(provisioning: Provisioning, compute: AmlCompute) -> None:
    provisioning.clients.management(RestClient).send("PUT", compute.id, body=compute._parameters() | {"tags": {}})
    with pytest.raises(ProvisioningError, match="compute mycompute already exists in workspace azureml and was not"):
        compute.adopt()


def test_one_that_another_run_may_still_use_is_refused(provisioning: Provisioning, compute: AmlCompute) -> None:
    compute_of(replace(provisioning, run="other", owner=ELSEWHERE)).create()
    with pytest.raises(ProvisioningError, match="compute mycompute is in use by run other, made on another machine"):
        compute.adopt()


def test_one_that_another_run_has_kept_gets_the_tags_of_this_one(
    provisioning: Provisioning, compute: AmlCompute
) -> None:
    other = compute_of(replace(provisioning, run="other", owner=ELSEWHERE))
    other.create()
    other.mark_as_kept()
    assert compute.adopt()
    label = read_tags(provisioning.clients.management(RestClient).get(compute.id)["tags"])
    assert label is not None
    assert label.belongs_to(compute.id, provisioning.run)
    assert not label.is_kept
