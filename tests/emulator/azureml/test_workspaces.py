from collections.abc import Callable

import pytest

from tests.emulator.azureml.conftest import Group


def test_a_workspace_that_does_not_exist_is_named_by_the_gateway(group: Group) -> None:
    response = group.send("GET", f"{group.ml}/workspaces/nowhere")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "ResourceNotFound"
    assert "'Microsoft.MachineLearningServices/workspaces/nowhere'" in response.json()["error"]["message"]


@pytest.mark.parametrize("version", ["2022-05-01", "2024-10-01-preview", "2026-05-01"])
def test_every_version_from_2022_on_is_served(group: Group, version: str) -> None:
    assert group.get(f"{group.ml}/workspaces", api=version) == {"value": []}


def test_an_older_version_is_refused_by_name(group: Group) -> None:
    response = group.send("GET", f"{group.ml}/workspaces", api="2020-08-01")

    assert response.status_code == 400
    assert "from 2022-05-01 on" in response.json()["error"]["message"]


def test_every_answer_has_the_headers_of_the_service(group: Group) -> None:
    headers = group.send("GET", f"{group.ml}/workspaces").headers

    assert headers["x-ms-response-type"] == "standard"
    assert int(headers["x-ms-ratelimit-remaining-subscription-reads"]) >= 0
    assert headers["azureml-served-by-cluster"] == "vienna-eastus-01"


def test_every_emulator_has_a_workspace_ready(group: Group) -> None:
    workspaces = group.get(f"{group.subscription}/providers/Microsoft.MachineLearningServices/workspaces")["value"]

    assert "azureml" in [workspace["name"] for workspace in workspaces]


def test_a_workspace_is_made_over_what_it_depends_on(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()

    document = group.get(path)
    assert document["id"] == path
    assert document["properties"]["provisioningState"] == "Succeeded"
    assert document["properties"]["discoveryUrl"] == "https://eastus.api.azureml.ms/discovery"
    assert document["properties"]["mlFlowTrackingUri"] == f"azureml://eastus.api.azureml.ms/mlflow/v1.0{path}"
    assert [workspace["id"] for workspace in group.get(f"{group.ml}/workspaces")["value"]] == [path]


@pytest.mark.parametrize("member", ["storageAccount", "keyVault", "applicationInsights"])
def test_what_a_workspace_depends_on_has_to_be_there(group: Group, member: str) -> None:
    body = group.workspace_body()
    body["properties"][member] += "x"

    response = group.send("PUT", f"{group.ml}/workspaces/mine", body)

    assert response.status_code == 400
    assert f"of '{member}' does not exist; create it first." in response.json()["error"]["message"]
    assert group.send("GET", f"{group.ml}/workspaces/mine").status_code == 404


@pytest.mark.parametrize("name", ["ab", "-abc", "a" * 34, "a.b.c"])
def test_a_name_that_the_service_does_not_accept_is_refused(group: Group, name: str) -> None:
    response = group.send("PUT", f"{group.ml}/workspaces/{name}", {"location": "eastus", "properties": {}})

    assert response.status_code == 400
    assert "3 to 33 letters, digits" in response.json()["error"]["message"]


def test_tags_and_names_can_be_changed(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()

    response = group.send("PATCH", path, {"tags": {"a": "b"}, "properties": {"friendlyName": "other"}})

    assert response.json()["tags"] == {"a": "b"}
    assert group.get(path)["properties"]["friendlyName"] == "other"


def test_a_deleted_workspace_keeps_its_name_until_it_is_purged(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()
    body = group.workspace_body()

    assert group.finish(group.send("DELETE", path))["status"] == "Succeeded"
    refused = group.send("PUT", path, body)
    purged = group.send("DELETE", path, forceToPurge="true")
    status = group.finish(group.send("PUT", path, body))

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "BadRequest"
    assert refused.json()["error"]["message"].startswith("Soft-deleted workspace exists. Please purge or recover it.")
    assert purged.status_code == 200
    assert status["status"] == "Succeeded"


def test_a_deleted_workspace_can_be_recovered(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()
    before = group.get(path)["properties"]["workspaceId"]
    group.finish(group.send("DELETE", path))

    body = {"location": "eastus", "properties": {"allowRecoverSoftDeletedWorkspace": True}}
    group.finish(group.send("PUT", path, body))

    assert group.get(path)["properties"]["workspaceId"] == before


def test_a_workspace_that_is_purged_leaves_its_name_free(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()

    group.finish(group.send("DELETE", path, forceToPurge="true"))

    assert group.finish(group.send("PUT", path, group.workspace_body()))["status"] == "Succeeded"


def test_the_end_of_a_group_is_the_end_of_its_workspaces(group: Group, make_workspace: Callable[[], str]) -> None:
    path = make_workspace()

    response = group.send("DELETE", group.id, api="2021-04-01")
    while response.status_code == 202:
        response = group.send("GET", response.headers["location"])

    group.send("PUT", group.id, {"location": "eastus"}, api="2021-04-01").raise_for_status()
    assert group.send("GET", path).status_code == 404
    assert group.finish(group.send("PUT", path, group.workspace_body()))["status"] == "Succeeded"
