"""A subscription that lacks quota, a size, or the right to use account keys; each test uses a new region."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.emulator.azureml.conftest import MANAGEMENT, Group, until
from tests.emulator.azureml.test_jobs import Workspace

LIMITS = f"{MANAGEMENT}/providers/Harness.Emulator/limits"
DSV2 = "standardDSv2Family"


class Region:
    """A new region, and the limits of the subscription there."""

    def __init__(self, group: Group, workspace: Workspace) -> None:
        self.name = f"region{uuid.uuid4().hex[:12]}"
        self.group = group
        self.workspace = workspace

    def limit(self, **limits: Any) -> None:
        response = self.group.send("PUT", f"{LIMITS}/{self.name}", {"location": self.name, **limits})
        assert response.status_code == 200, response.text

    def end(self) -> None:
        assert self.group.send("DELETE", f"{LIMITS}/{self.name}").status_code in (200, 204)

    def put(
        self, name: str = "cpu", size: str = "Standard_DS3_v2", minimum: int = 0, maximum: int = 4
    ) -> dict[str, Any]:
        """Create a compute; returns the status of the operation after its end."""
        scale = {"minNodeCount": minimum, "maxNodeCount": maximum, "nodeIdleTimeBeforeScaleDown": "PT1H"}
        inner = {"vmSize": size, "scaleSettings": scale}
        body = {"location": self.name, "properties": {"computeType": "AmlCompute", "properties": inner}}
        return self.group.finish(self.group.send("PUT", f"{self.workspace.path}/computes/{name}", body))

    def compute(self, name: str = "cpu") -> dict[str, Any]:
        properties: dict[str, Any] = self.group.get(f"{self.workspace.path}/computes/{name}")["properties"]
        return properties

    def usage(self, name: str) -> dict[str, Any]:
        path = f"{self.group.subscription}/providers/Microsoft.MachineLearningServices/locations/{self.name}/usages"
        return next(row for row in self.group.get(path)["value"] if row["name"]["value"] == name)


@pytest.fixture
def workspace(group: Group, make_workspace: Callable[[], str]) -> Workspace:
    return Workspace(group, make_workspace())


@pytest.fixture
def region(group: Group, workspace: Workspace) -> Iterator[Region]:
    new_region = Region(group, workspace)
    yield new_region
    new_region.end()


def test_a_quota_of_nothing_is_shown_and_refuses_every_compute(region: Region) -> None:
    region.limit(quotas={DSV2: 0})

    operation = region.put()

    assert region.usage(DSV2)["limit"] == 0
    assert operation["status"] == "Failed"
    assert operation["error"]["code"] == "ClusterMinNodesExceedCoreQuota"
    assert (
        "a Standard DSv2 family vCPU quota of 0 and cannot accomodate for at least 1" in operation["error"]["message"]
    )
    compute = region.compute()
    assert compute["provisioningState"] == "Failed"
    assert compute["provisioningErrors"][0]["error"] == operation["error"]


def test_a_compute_that_failed_is_created_once_there_is_quota(region: Region) -> None:
    region.limit(quotas={DSV2: 0})
    region.put()
    region.end()

    assert region.put()["status"] == "Succeeded"
    assert region.compute()["provisioningState"] == "Succeeded"


def test_a_quota_that_others_use_keeps_a_compute_resizing_until_it_is_raised(region: Region) -> None:
    region.limit(quotas={DSV2: 4})  # the cores of one node
    region.put("first", minimum=1)
    until(lambda: region.compute("first")["properties"]["nodeStateCounts"]["idleNodeCount"] == 1)
    region.put("second")

    job = region.workspace.submit("true", computeId="computes/second")

    until(lambda: region.compute("second")["properties"]["errors"] is not None)
    compute = region.compute("second")["properties"]
    assert compute["allocationState"] == "Resizing"
    assert compute["errors"][0]["error"]["code"] == "ClusterCoreQuotaReached"
    assert region.group.get(job)["properties"]["status"] == "Queued"
    assert region.usage(DSV2)["currentValue"] == 4

    region.limit(quotas={DSV2: 8})

    assert region.workspace.wait_for(job) == "Completed"
    assert region.compute("second")["properties"]["errors"] is None


def test_a_job_that_no_quota_will_ever_hold_fails(region: Region) -> None:
    region.limit(quotas={"DSv2": 4})
    region.put()

    job = region.workspace.submit("true", computeId="computes/cpu", resources={"instanceCount": 2})

    assert region.workspace.wait_for(job) == "Failed"
    details = region.group.get(
        f"https://eastus.api.azureml.ms/history/v1.0{region.workspace.path}/runs/{job.rpartition('/')[2]}/details"
    )
    assert "JobNodeCountExceedsCoreQuota" in details["error"]["error"]["message"]


def test_the_quota_of_all_families_counts_too_and_low_priority_is_free_of_both(region: Region) -> None:
    region.limit(quotas={"TotalDedicatedCores": 3})

    assert "a total vCPU quota of 3" in region.put()["error"]["message"]
    assert region.usage("TotalDedicatedCores")["limit"] == 3
    scale = {"minNodeCount": 0, "maxNodeCount": 1}
    inner = {"vmSize": "Standard_DS3_v2", "vmPriority": "LowPriority", "scaleSettings": scale}
    body = {"location": region.name, "properties": {"computeType": "AmlCompute", "properties": inner}}
    response = region.group.send("PUT", f"{region.workspace.path}/computes/low", body)
    assert region.group.finish(response)["status"] == "Succeeded"


def test_a_compute_that_is_there_stays_as_it_is_when_a_change_needs_more_quota(region: Region) -> None:
    region.put(maximum=3)
    region.limit(quotas={DSV2: 4})

    operation = region.put(minimum=2, maximum=2)

    assert operation["error"]["code"] == "ClusterMinNodesExceedCoreQuota"
    assert region.compute()["provisioningState"] == "Succeeded"
    assert region.compute()["properties"]["scaleSettings"]["maxNodeCount"] == 3


def test_a_region_lacks_a_size(region: Region) -> None:
    region.limit(missingSizes=["standard_ds3_v2"])

    operation = region.put()

    assert operation["error"]["code"] == "InvalidPropertyValue"
    assert "The specified value Standard_DS3_v2 for property Cluster.Properties.VMSize is not" in str(operation)
    below = f"{region.group.subscription}/providers/Microsoft.MachineLearningServices/locations"
    here, elsewhere = (region.group.get(f"{below}/{location}/vmSizes")["value"] for location in (region.name, "eastus"))
    assert {size["name"] for size in elsewhere} - {size["name"] for size in here} == {"Standard_DS3_v2"}


@pytest.mark.parametrize(
    ("code", "status"), [("RequestDisallowedByPolicy", 403), ("KeyBasedAuthenticationNotPermitted", 400)]
)
def test_account_keys_are_refused(group: Group, workspace: Workspace, code: str, status: int) -> None:
    name = f"limit{uuid.uuid4().hex[:8]}"
    response = group.send("PUT", f"{LIMITS}/{name}", {"group": group.name, "refusedKeys": code})
    assert response.json() == {"name": name, "group": group.name, "refusedKeys": code}
    credentials = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": workspace.key}}
    properties = {"datastoreType": "AzureBlob", "accountName": workspace.account, "containerName": workspace.blobs}
    path = f"{workspace.path}/datastores/mine"

    refused = group.send("PUT", path, {"properties": properties | {"credentials": credentials}})
    accepted = group.send("PUT", path, {"properties": properties | {"credentials": {"credentialsType": "None"}}})

    group.send("DELETE", f"{LIMITS}/{name}")
    assert refused.status_code == status
    assert code in refused.text
    assert accepted.status_code == 201


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"quotas": {"DSv22": 1}}, "there is no quota of the family 'DSv22'; did you mean"),
        ({"quotas": {"DSv2": -1}}, "`$.quotas[...]`"),
        ({"missingSizes": ["Standard_DS3v2"]}, "did you mean 'Standard_DS3_v2'?"),
        ({"refusedKeys": "Nobody"}, "Invalid enum value 'Nobody'"),
        ({"other": 1}, "unknown field `other`"),
    ],
)
def test_limits_that_mean_nothing_are_refused(group: Group, body: dict[str, Any], text: str) -> None:
    response = group.send("PUT", f"{LIMITS}/wrong", body)

    assert response.status_code == 400
    assert text in response.json()["error"]["message"]
    assert group.send("GET", f"{LIMITS}/wrong").status_code == 404


def test_limits_are_listed(group: Group, region: Region) -> None:
    region.limit(quotas={"Standard NC Family": 6})

    limit = {"name": region.name, "location": region.name, "quotas": {"NC": 6}}
    assert group.get(f"{LIMITS}/{region.name}") == limit
    assert limit in group.get(LIMITS)["value"]


def test_requests_are_counted_and_refused_until_the_bucket_refills(group: Group, workspace: Workspace) -> None:
    name = f"limit{uuid.uuid4().hex[:8]}"
    reads, writes = "x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-writes"
    limit = {"group": group.name, "requests": {"reads": {"size": 2, "perSecond": 0.001}}}
    assert group.send("PUT", f"{LIMITS}/{name}", limit).json() == {"name": name, **limit}

    first = group.send("GET", f"{workspace.path}/computes")
    write = group.send("DELETE", f"{workspace.path}/datastores/nothing")
    second, third = (group.send("GET", f"{workspace.path}/computes") for _ in range(2))
    group.send("DELETE", f"{LIMITS}/{name}")
    fourth = group.send("GET", f"{workspace.path}/computes")

    assert [(response.status_code, response.headers[reads]) for response in (first, second, third)] == [
        (200, "1"), (200, "0"), (429, "0"),
    ]  # fmt: skip
    assert third.json()["error"]["code"] == "TooManyRequests"
    assert 900 <= int(third.headers["retry-after"]) <= 1000  # 1000 seconds, less those that have passed
    assert (write.status_code, int(write.headers[writes]) >= 100) == (204, True)
    assert (fourth.status_code, int(fourth.headers[reads]) >= 100) == (200, True)
