"""What is known to go wrong before anything is created."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.clouds import open_cloud
from harness.config import Settings
from harness.errors import CeilingError, ProvisioningError, ServiceRetiredError
from harness.resources import Journal, Provisioning
from harness.resources.preflight import Quota, check_ceiling, shortages
from harness.resources.refusals import refusals
from harness.scenario.load import load_scenario

QUICKSTART = load_scenario(Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml")
TOTAL, FAMILY = "Total Cluster Dedicated Regional vCPUs", "Standard NC Family Cluster Dedicated vCPUs"


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    with open_cloud("emulator", Settings(), cassettes=tmp_path_factory.mktemp("cassettes")) as cloud:
        yield cloud


@pytest.fixture
def provisioning(emulated, tmp_path):
    with emulated.clients("preflight") as clients:
        yield Provisioning(emulated, clients, Journal(tmp_path / "j"), lambda _event: None, "run")


@pytest.mark.parametrize("row", [Quota("Clusters", 20, 20), Quota(TOTAL, 13, 24), Quota(FAMILY, 0, 11)])
def test_every_row_that_is_too_small_is_told(row):
    needed, free = {"Clusters": (1, 0)}.get(row.name, (12, row.limit - row.used))
    assert shortages([row, Quota("Clusters", 0, 20)], size="Standard_NC6", nodes=2) == [
        f"{row.name}: {needed} needed, {free} of {row.limit} free"
    ]


def test_a_quota_that_is_just_enough_is_enough():
    rows = [Quota("Clusters", 19, 20), Quota(TOTAL, 12, 24), Quota(FAMILY, 12, 24)]
    assert shortages(rows, size="STANDARD_NC6", nodes=2) == []


def test_another_family_that_is_full_does_not_matter():
    full = Quota("Standard NCv3 Family Cluster Dedicated vCPUs", 0, 0)
    assert shortages([full], size="STANDARD_NC6", nodes=1) == []


def test_cores_of_an_unknown_size_are_not_compared():
    assert shortages([Quota(TOTAL, 0, 0)], size="Standard_X1", nodes=1) == []


def test_a_scenario_whose_first_trial_may_pass_the_ceiling_does_not_begin(provisioning):
    check_ceiling(provisioning, QUICKSTART, Settings(max_node_hours=2.6))
    with pytest.raises(CeilingError, match=r"one trial of mnist-quickstart.* may use 2\.50 node-hours"):
        check_ceiling(provisioning, QUICKSTART, Settings(max_node_hours=2.4))


def test_an_answer_that_batch_ai_is_gone_is_one_clear_message_on_azure(provisioning):
    provisioning.clients.resources.providers.unregister("Microsoft.BatchAI")
    with pytest.raises(ServiceRetiredError) as caught, refusals("read the quota", "azure"):
        list(provisioning.clients.batchai.usages.list("eastus"))
    for word in ("MissingSubscriptionRegistration", "14 December 2018", "31 March 2019", "--cloud emulator"):
        assert word in str(caught.value)


def test_the_same_answer_elsewhere_says_how_to_register(provisioning):
    provisioning.clients.resources.providers.unregister("Microsoft.BatchAI")
    with (
        pytest.raises(ProvisioningError, match=r"az provider register --namespace Microsoft\.BatchAI"),
        refusals("read the quota", "emulator"),
    ):
        list(provisioning.clients.batchai.usages.list("eastus"))


def test_an_unknown_namespace_means_the_same_on_azure(provisioning):
    with pytest.raises(ServiceRetiredError, match="InvalidResourceNamespace"), refusals("look", "azure"):
        provisioning.clients.resources.providers.get("Microsoft.Gone")


def test_an_unknown_subscription_names_the_setting(emulated):
    elsewhere = replace(emulated, facts=replace(emulated.facts, subscription_id="11111111-1111-1111-1111-111111111111"))
    with (
        elsewhere.clients("preflight") as clients,
        pytest.raises(ProvisioningError, match="subscription_id"),
        refusals("look", "azure"),
    ):
        clients.resources.providers.get("Microsoft.BatchAI")
