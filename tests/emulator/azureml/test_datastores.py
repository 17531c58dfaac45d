from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.azureml.conftest import Group

KEY = "c2VjcmV0"


@pytest.fixture
def workspace(make_workspace: Callable[[], str]) -> str:
    return make_workspace()


def body(type_: str = "AzureFile", **changes: Any) -> dict[str, Any]:
    store = {"AzureFile": "fileShareName", "AzureBlob": "containerName"}[type_]
    secrets = {"secretsType": "AccountKey", "key": KEY}
    properties = {"datastoreType": type_, "accountName": "teststorageaccount", store: "testfileshare",
                  "credentials": {"credentialsType": "AccountKey", "secrets": secrets}, "tags": {}}  # fmt: skip
    return {"properties": properties | changes}


def test_a_new_workspace_has_four_datastores(group: Group, workspace: str) -> None:
    datastores = group.get(f"{workspace}/datastores")["value"]

    identifier = group.get(workspace)["properties"]["workspaceId"]
    assert {datastore["name"]: datastore["properties"].get("containerName") for datastore in datastores} == {
        "workspaceblobstore": f"azureml-blobstore-{identifier}",
        "workspaceartifactstore": "azureml",
        "workspacefilestore": None,
        "workspaceworkingdirectory": None,
    }
    assert [datastore["name"] for datastore in group.get(f"{workspace}/datastores", isDefault="true")["value"]] == [
        "workspaceblobstore"
    ]


@pytest.mark.parametrize("type_", ["AzureFile", "AzureBlob"])
def test_a_datastore_shows_no_secret(group: Group, workspace: str, type_: str) -> None:
    path = f"{workspace}/datastores/mine"

    created = group.send("PUT", path, body(type_), skipValidation="true")

    assert created.status_code == 201
    assert created.headers["location"].startswith(f"https://management.azure.com{path}?")
    assert created.json()["properties"]["credentials"] == {"credentialsType": "AccountKey"}
    assert group.get(path) == created.json()
    assert group.send("POST", f"{path}/listSecrets").json() == {"secretsType": "AccountKey", "key": KEY}


def test_a_second_put_replaces(group: Group, workspace: str) -> None:
    path = f"{workspace}/datastores/mine"
    group.send("PUT", path, body(), skipValidation="true")

    again = group.send("PUT", path, body(description="new"), skipValidation="true")

    assert again.status_code == 200
    assert "location" not in again.headers
    assert group.get(path)["properties"]["description"] == "new"


def test_the_first_datastores_give_the_key_of_their_account(group: Group, workspace: str) -> None:
    account = group.get(workspace)["properties"]["storageAccount"]
    keys = group.send("POST", f"{account}/listKeys", api="2019-06-01").json()["keys"]

    secret = group.send("POST", f"{workspace}/datastores/workspaceartifactstore/listSecrets",
                        {"expirableSecret": True, "expireAfterHours": 1}).json()  # fmt: skip

    assert secret == {"secretsType": "AccountKey", "key": keys[0]["value"]}


def test_there_is_one_default(group: Group, workspace: str) -> None:
    group.send("PUT", f"{workspace}/datastores/mine", body(isDefault=True), skipValidation="true")

    datastores = group.get(f"{workspace}/datastores", isDefault="true")["value"]
    assert [datastore["name"] for datastore in datastores] == ["mine"]


def test_what_a_datastore_names_has_to_be_there_unless_validation_is_skipped(group: Group, workspace: str) -> None:
    response = group.send("PUT", f"{workspace}/datastores/mine", body())

    assert response.status_code == 400
    assert "create it first, or send skipValidation=true" in response.json()["error"]["message"]
    assert group.send("GET", f"{workspace}/datastores/mine").status_code == 404


def test_a_deleted_datastore_is_missed_in_the_words_of_the_service(group: Group, workspace: str) -> None:
    path = f"{workspace}/datastores/mine"
    group.send("PUT", path, body(), skipValidation="true")

    assert group.send("DELETE", path).status_code == 200
    assert group.send("DELETE", path).status_code == 204
    error = group.send("GET", path).json()["error"]
    assert (error["code"], error["message"]) == ("UserError", "Could not find datastore: mine.")
    inner = [entry["info"]["value"] for entry in error["additionalInfo"] if entry["type"] == "InnerError"]
    assert inner == [{"code": "NotFoundError", "innerError": None}]


def test_a_list_is_given_in_pages(group: Group, workspace: str) -> None:
    names, response = [], group.get(f"{workspace}/datastores", count="3")
    while True:
        names += [datastore["name"] for datastore in response["value"]]
        if "nextLink" not in response:
            break
        response = group.get(response["nextLink"])

    assert sorted(names) == sorted(datastore["name"] for datastore in group.get(f"{workspace}/datastores")["value"])


def test_other_types_are_refused_by_name(group: Group, workspace: str) -> None:
    response = group.send("PUT", f"{workspace}/datastores/mine", {"properties": {"datastoreType": "OneLake"}})

    assert response.status_code == 400
    assert "datastores of the type 'OneLake'; use AzureBlob or AzureFile" in response.json()["error"]["message"]
