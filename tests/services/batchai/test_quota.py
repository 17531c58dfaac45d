"""Comparison of a region's quota with a planned cluster."""

from dataclasses import replace

import pytest

from harness.errors import ProvisioningError
from harness.resources import Provisioning
from harness.services.batchai.quota import Quota, check_quota, shortages
from harness.services.service import ClusterPlan

TOTAL, FAMILY = "Total Cluster Dedicated Regional vCPUs", "Standard NC Family Cluster Dedicated vCPUs"
PLAN = ClusterPlan("w", "eastus", "STANDARD_NC6", 1, (), queued=60)


@pytest.mark.parametrize("row", [Quota("Clusters", 20, 20), Quota(TOTAL, 13, 24), Quota(FAMILY, 0, 11)])
def test_every_row_that_is_too_small_is_reported(row: Quota) -> None:
    needed, free = {"Clusters": (1, 0)}.get(row.name, (12, row.limit - row.used))
    assert shortages([row, Quota("Clusters", 0, 20)], size="Standard_NC6", nodes=2) == [
        f"{row.name}: {needed} needed, {free} of {row.limit} free"
    ]


def test_a_quota_that_is_just_enough_is_enough() -> None:
    rows = [Quota("Clusters", 19, 20), Quota(TOTAL, 12, 24), Quota(FAMILY, 12, 24)]
    assert shortages(rows, size="STANDARD_NC6", nodes=2) == []


def test_low_priority_nodes_have_a_quota_of_their_own() -> None:
    rows = [Quota(TOTAL, 0, 0), Quota("Total Cluster LowPriority Regional vCPUs", 0, 5)]
    missing = shortages(rows, size="STANDARD_NC6", nodes=1, priority="lowpriority")
    assert missing == ["Total Cluster LowPriority Regional vCPUs: 6 needed, 5 of 5 free"]


def test_another_family_that_is_full_does_not_matter() -> None:
    full = Quota("Standard NCv3 Family Cluster Dedicated vCPUs", 0, 0)
    assert shortages([full], size="STANDARD_NC6", nodes=1) == []


def test_cores_of_an_unknown_size_are_not_compared() -> None:
    assert shortages([Quota(TOTAL, 0, 0)], size="Standard_X1", nodes=1) == []


def test_a_cluster_that_fits_passes_with_nothing_in_doubt(provisioning: Provisioning) -> None:
    assert check_quota(provisioning, name="c", plan=PLAN) == ()


def test_a_cluster_beyond_the_quota_is_refused_with_the_rows(provisioning: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=r"(?s)Total Cluster.*600 needed.*Standard NC Family.*600 needed"):
        check_quota(provisioning, name="c", plan=replace(PLAN, nodes=100))


def test_a_size_that_is_not_known_is_in_doubt(provisioning: Provisioning) -> None:
    [doubt] = check_quota(provisioning, name="c", plan=replace(PLAN, vm_size="STANDARD_X1"))
    assert "VM size STANDARD_X1 is not known to the harness" in doubt
