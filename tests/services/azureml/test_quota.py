"""Comparison of a region's sizes and quota with a planned compute."""

from dataclasses import replace

import pytest

from harness.errors import ProvisioningError
from harness.resources import Provisioning
from harness.services.azureml.quota import OfferedSize, Quota, check_quota, shortages
from harness.services.service import ClusterPlan

PLAN = ClusterPlan("w", "eastus", "STANDARD_NC6", 1, (), queued=60)
T4 = OfferedSize("Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family", 4)
FAMILY = "Standard NCASv3_T4 Family Cluster Dedicated vCPUs"


def rows(total: tuple[int, int], family: tuple[int, int]) -> list[Quota]:
    return [
        Quota("TotalClusters", "Total Clusters", 0, 200),
        Quota("TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", *total),
        Quota("standard ncasv3_t4 family", FAMILY, *family),
    ]


def test_a_family_without_quota_is_named() -> None:
    assert list(shortages(rows((0, 20), (0, 0)), T4, nodes=1)) == [f"{FAMILY}: 4 needed, 0 of 0 free"]


def test_a_quota_that_is_just_enough_is_enough() -> None:
    assert list(shortages(rows((12, 20), (0, 8)), T4, nodes=2)) == []


def test_every_row_that_is_too_small_is_reported() -> None:
    assert len(list(shortages(rows((13, 20), (1, 8)), T4, nodes=2))) == 2


def test_a_compute_that_fits_passes_with_nothing_in_doubt(provisioning: Provisioning) -> None:
    assert check_quota(provisioning, name="c", plan=PLAN) == ()


def test_a_compute_beyond_the_quota_is_refused_with_family_and_region(provisioning: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=r"(?s)quota of eastus.*Total Cluster.*NCASv3_T4 Family.*4000 needed"):
        check_quota(provisioning, name="c", plan=replace(PLAN, nodes=1000))


def test_a_size_that_a_region_does_not_offer_is_refused_with_the_nearest(provisioning: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=r"region eastus does not offer VM size Standard_NC4as_T4_v9.*_v3"):
        check_quota(provisioning, name="c", plan=replace(PLAN, vm_size="Standard_NC4as_T4_v9"))
