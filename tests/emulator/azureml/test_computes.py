from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.azureml.conftest import Group, until


@pytest.fixture
def workspace(make_workspace: Callable[[], str]) -> str:
    return make_workspace()


def body(minimum: int = 0, maximum: int = 2, *, type_: str = "AmlCompute", **inner: Any) -> dict[str, Any]:
    scale = {"minNodeCount": minimum, "maxNodeCount": maximum, "nodeIdleTimeBeforeScaleDown": "PT5M"}
    properties = {"vmSize": "Standard_DS3_v2", "scaleSettings": scale, **inner}
    return {"location": "eastus", "properties": {"computeType": type_, "properties": properties}}


def create(group: Group, workspace: str, name: str, document: dict[str, Any]) -> str:
    path = f"{workspace}/computes/{name}"
    assert group.finish(group.send("PUT", path, document)) == {"status": "Succeeded", "percentComplete": 100.0}
    return path


def test_creation_answers_with_the_compute_before_it_has_any_counts(group: Group, workspace: str) -> None:
    response = group.send("PUT", f"{workspace}/computes/cpu", body())

    assert response.status_code == 201
    assert int(response.headers["x-ms-retry-after-ms"]) >= 50
    assert "retry-after" not in response.headers
    assert response.json()["properties"]["provisioningState"] == "Creating"
    assert response.json()["properties"]["properties"]["nodeStateCounts"] is None
    assert response.json()["properties"]["properties"]["vmSize"] == "STANDARD_DS3_V2"


def test_a_compute_without_jobs_has_its_least_nodes(group: Group, workspace: str) -> None:
    path = create(group, workspace, "cpu", body(minimum=2, maximum=3))

    def inner() -> dict[str, Any]:
        properties: dict[str, Any] = group.get(path)["properties"]["properties"]
        return properties

    until(lambda: inner()["nodeStateCounts"]["idleNodeCount"] == 2)
    compute = inner()
    assert (compute["currentNodeCount"], compute["targetNodeCount"], compute["allocationState"]) == (2, 2, "Steady")
    nodes = group.send("POST", f"{path}/listNodes").json()
    assert nodes["computeType"] == "AmlCompute"
    assert [node["nodeState"] for node in nodes["nodes"]] == ["idle", "idle"]
    assert len({node["nodeId"] for node in nodes["nodes"]}) == 2


def test_a_second_put_and_a_patch_scale_it(group: Group, workspace: str) -> None:
    path = create(group, workspace, "cpu", body())

    create(group, workspace, "cpu", body(maximum=4))
    assert group.get(path)["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 4

    scale = {"minNodeCount": 1, "maxNodeCount": 5, "nodeIdleTimeBeforeScaleDown": "PT1M40S"}
    response = group.send("PATCH", path, {"properties": {"properties": {"scaleSettings": scale}}})
    assert response.json()["properties"]["properties"]["scaleSettings"] == scale
    until(lambda: group.get(path)["properties"]["properties"]["currentNodeCount"] == 1)


def test_a_deleted_compute_is_not_found(group: Group, workspace: str) -> None:
    path = create(group, workspace, "cpu", body())

    assert group.finish(group.send("DELETE", path, underlyingResourceAction="Delete"))["status"] == "Succeeded"
    assert group.send("GET", path).status_code == 404
    assert group.send("DELETE", path, underlyingResourceAction="Delete").status_code == 204
    assert group.get(f"{workspace}/computes") == {"value": []}


def test_the_deletion_has_to_say_what_becomes_of_the_nodes(group: Group, workspace: str) -> None:
    path = create(group, workspace, "cpu", body())

    response = group.send("DELETE", path)

    assert response.status_code == 400
    assert "underlyingResourceAction is required" in response.json()["error"]["message"]


def test_low_priority_and_the_administrator_are_shown_without_a_password(group: Group, workspace: str) -> None:
    account = {"adminUserName": "me", "adminUserPassword": "hidden", "adminUserSshPublicKey": "ssh-rsa x"}

    path = create(group, workspace, "cpu", body(vmPriority="LowPriority", userAccountCredentials=account))

    inner = group.get(path)["properties"]["properties"]
    assert inner["vmPriority"] == "LowPriority"
    assert inner["userAccountCredentials"] == account | {"adminUserPassword": None}


def test_an_instance_is_one_node_that_is_on_until_it_is_stopped(group: Group, workspace: str) -> None:
    path = create(group, workspace, "mine", body(type_="ComputeInstance"))

    def state() -> str:
        status: str = group.get(path)["properties"]["properties"]["state"]
        return status

    until(lambda: state() == "Running")
    group.finish(group.send("POST", f"{path}/stop"))
    until(lambda: state() == "Stopped")
    group.finish(group.send("POST", f"{path}/start"))
    until(lambda: state() == "Running")


@pytest.mark.parametrize(
    ("name", "document", "message"),
    [
        ("a", body(), "The compute name 'a' is not valid"),
        ("cpu-1", body(), "not ending in '-<digits>'"),
        ("cpu", body(vmSize="Standard_Z9"), "The specified VM size 'Standard_Z9' is not available"),
        ("cpu", body(3, 2), "0 <= min <= max <= 100, not 3 and 2"),
        ("cpu", body(0, 101), "0 <= min <= max <= 100, not 0 and 101"),
        ("cpu", body(vmPriority="Cheap"), "Dedicated or LowPriority"),
        ("cpu", body(type_="Databricks"), "use AmlCompute or ComputeInstance"),
        (
            "cpu",
            {"location": "eastus", "properties": {"computeType": "AmlCompute"}},
            "'properties' of a compute is an object",
        ),
    ],
)
def test_what_cannot_be_created_is_refused_by_name(
    group: Group, workspace: str, name: str, document: dict[str, Any], message: str
) -> None:
    response = group.send("PUT", f"{workspace}/computes/{name}", document)

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]
    assert group.get(f"{workspace}/computes") == {"value": []}


def test_usages_count_the_cores_of_a_family(group: Group, workspace: str) -> None:
    create(group, workspace, "cpu", body(minimum=1))
    path = f"{group.subscription}/providers/Microsoft.MachineLearningServices/locations/eastus/usages"

    rows = {row["name"]["value"]: row for row in group.get(path)["value"]}

    assert list(rows)[:2] == ["TotalClusters", "TotalDedicatedCores"]
    assert rows["standardDSv2Family"]["currentValue"] >= 4
    assert rows["Standard NCASv3_T4 Family"]["id"].endswith("/usages/Standard_NCASv3_T4_Family")


def test_sizes_name_their_family_and_price(group: Group) -> None:
    path = f"{group.subscription}/providers/Microsoft.MachineLearningServices/locations/eastus/vmSizes"

    sizes = {size["name"]: size for size in group.get(path, computeType="AmlCompute")["value"]}

    assert sizes["Standard_NC4as_T4_v3"]["gpus"] == 1
    assert sizes["Standard_NC4as_T4_v3"]["family"] == "Standard NCASv3_T4 Family"
    assert sizes["Standard_NC4as_T4_v3"]["estimatedVMPrices"]["values"][0]["retailPrice"] > 0
