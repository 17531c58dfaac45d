"""What is known to go wrong before anything is created."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import urllib3
from azure.mgmt.batchai import BatchAI
from requests.adapters import BaseAdapter

from harness.clouds import open_cloud
from harness.config import Settings
from harness.errors import CeilingError, ProvisioningError, ServiceRetiredError
from harness.resources import Journal, Provisioning
from harness.resources.preflight import Quota, check_ceiling, preflight, shortages
from harness.resources.refusals import refusals
from harness.scenario.load import load_scenario

QUICKSTART = load_scenario(Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml")
MANAGEMENT = "https://management.azure.com"
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


class Refusing(BaseAdapter):
    """Resource Manager as it answers where Batch AI was: the one answer to everything."""

    def __init__(self, code):
        super().__init__()
        self._body = json.dumps({"error": {"code": code, "message": f"Refused: {code}."}}).encode()

    def send(self, request, **_options):
        response = requests.Response()
        response.status_code, response.request, response.url = 409, request, request.url
        response.headers["Content-Type"] = "application/json"
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(self._body), status=409, preload_content=False)
        return response

    def close(self):
        """Nothing is open."""


@pytest.fixture
def refusing(provisioning):
    """Clients that sign in, and are refused everything with a code."""

    def refuse(code):
        provisioning.clients.session.mount(MANAGEMENT, Refusing(code))
        return provisioning.clients

    yield refuse
    provisioning.clients.session.adapters.pop(MANAGEMENT, None)


@pytest.mark.parametrize("code", ["InvalidResourceType", "InvalidResourceNamespace", "MissingSubscriptionRegistration"])
def test_an_answer_that_batch_ai_is_gone_is_one_clear_message_on_azure(refusing, code):
    with pytest.raises(ServiceRetiredError) as caught, refusals("read the quota", "azure"):
        list(refusing(code).management(BatchAI).usages.list("eastus"))
    for word in (code, "14 December 2018", "31 March 2019", "--cloud emulator", "Azure Machine Learning"):
        assert word in str(caught.value)


def test_the_same_answer_elsewhere_says_how_to_register(refusing):
    with (
        pytest.raises(ProvisioningError, match=r"az provider register --namespace Microsoft\.BatchAI"),
        refusals("read the quota", "emulator"),
    ):
        list(refusing("MissingSubscriptionRegistration").management(BatchAI).usages.list("eastus"))


def test_a_retired_service_stops_the_preflight(provisioning, refusing):
    refusing("InvalidResourceNamespace")
    on_azure = replace(provisioning, cloud=replace(provisioning.cloud, name="azure"))
    with pytest.raises(ServiceRetiredError, match="cannot register provider"):
        preflight(on_azure, QUICKSTART, Settings())


def test_a_scenario_that_fits_passes_with_nothing_in_doubt(provisioning):
    assert preflight(provisioning, QUICKSTART, Settings()) == ()


def test_a_cluster_beyond_the_quota_is_refused_with_the_rows(provisioning):
    cluster = QUICKSTART.cluster.model_copy(update={"nodes": 100})
    with pytest.raises(ProvisioningError, match=r"(?s)Total Cluster.*600 needed.*Standard NC Family.*600 needed"):
        preflight(provisioning, QUICKSTART.model_copy(update={"cluster": cluster}), Settings())


def test_a_size_that_is_not_known_is_told(provisioning):
    cluster = QUICKSTART.cluster.model_copy(update={"vm_size": "STANDARD_X1"})
    [doubt] = preflight(provisioning, QUICKSTART.model_copy(update={"cluster": cluster}), Settings())
    assert "VM size STANDARD_X1 is not known here" in doubt


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
