import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.emulator.azureml.conftest import Group

HASH = "a" * 64


@pytest.fixture
def workspace(make_workspace: Callable[[], str]) -> str:
    return make_workspace()


def put(group: Group, path: str, **properties: Any) -> Any:
    return group.send("PUT", path, {"properties": properties})


def test_code_is_uploaded_to_a_container_of_its_own_and_found_by_its_hash(group: Group, workspace: str) -> None:
    first = f"{workspace}/codes/one/versions/1"
    response = group.send("POST", f"{first}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}).json()
    reference = response["blobReferenceForConsumption"]
    sas = urlsplit(reference["credential"]["sasUri"])
    address = f"https://{sas.netloc}{sas.path}"

    uploaded = group.session.put(f"{address}/src/train.py?{sas.query}", data=b"print(1)",
                                 headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-08-06"})  # fmt: skip
    created = put(group, first, codeUri=f"{address}/src", isAnonymous=True,
               properties={"hash_sha256": HASH, "hash_version": 202208})  # fmt: skip
    versions = group.get(f"{workspace}/codes/another/versions", hash=HASH, hashVersion="202208")["value"]

    assert uploaded.status_code == 201
    assert response["pendingUploadType"] == "None"
    assert ":443/" in reference["blobUri"]
    assert created.status_code == 201
    assert created.json()["properties"]["properties"] == {"hash_sha256": HASH, "hash_version": "202208"}
    assert [version["id"] for version in versions] == [first]
    assert group.get(f"{workspace}/codes/another/versions", hash="b" * 64, hashVersion="202208") == {"value": []}


def test_the_upload_opens_its_own_container_alone(group: Group, workspace: str) -> None:
    reference = group.send("POST", f"{workspace}/codes/one/versions/1/startPendingUpload", {}).json()
    sas = urlsplit(reference["blobReferenceForConsumption"]["credential"]["sasUri"])

    response = group.session.put(f"https://{sas.netloc}/azureml/x?{sas.query}", data=b"x",
                               headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-08-06"})  # fmt: skip

    assert response.status_code == 403


def test_a_conda_file_comes_back_as_json(group: Group, workspace: str) -> None:
    path = f"{workspace}/environments/mine/versions/1"

    created = put(
        group,
        path,
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        condaFile="name: x\ndependencies: [pip]",
    )

    assert created.status_code == 201
    assert json.loads(created.json()["properties"]["condaFile"]) == {"name": "x", "dependencies": ["pip"]}
    assert created.json()["properties"]["osType"] == "Linux"
    assert group.get(path) == created.json()


def test_what_is_immutable_needs_a_new_version(group: Group, workspace: str) -> None:
    path = f"{workspace}/environments/mine/versions/1"
    put(group, path, image="one")

    unchanged = put(group, path, image="one", description="better")
    other = put(group, path, image="two")

    assert unchanged.status_code == 201
    assert group.get(path)["properties"]["description"] == "better"
    assert other.status_code == 400
    assert 'since field "image" is immutable, try specifying a new version.' in other.json()["error"]["message"]


def test_the_latest_version_is_the_newest(group: Group, workspace: str) -> None:
    for version in ("1", "7", "3"):
        put(group, f"{workspace}/environments/mine/versions/{version}", image=f"image{version}")

    query = {"$orderBy": "createdtime desc", "$top": "1"}
    latest = group.get(f"{workspace}/environments/mine/versions", **query)
    container = group.get(f"{workspace}/environments/mine")

    assert [item["name"] for item in latest["value"]] == ["3"]
    assert container["properties"]["latestVersion"] == "3"
    assert container["properties"]["nextVersion"] == "8"


def test_short_uris_of_data_are_shown_with_their_workspace(group: Group, workspace: str) -> None:
    created = put(group, f"{workspace}/data/mine/versions/1", dataType="uri_folder",
               dataUri="azureml://datastores/workspaceblobstore/paths/mnist")  # fmt: skip

    assert created.json()["properties"]["dataUri"] == (
        f"azureml://subscriptions/{group.endpoint.subscription_id}/resourcegroups/{group.name}"
        f"/workspaces/{workspace.rpartition('/')[2]}/datastores/workspaceblobstore/paths/mnist"
    )


def test_archived_versions_are_left_out_unless_asked_for(group: Group, workspace: str) -> None:
    path = f"{workspace}/environments/mine/versions"
    put(group, f"{path}/1", image="one")
    put(group, f"{path}/1", image="one", isArchived=True)
    put(group, f"{path}/2", image="two")

    assert [version["name"] for version in group.get(path)["value"]] == ["2"]
    assert [version["name"] for version in group.get(path, listViewType="ArchivedOnly")["value"]] == ["1"]
    assert len(group.get(path, listViewType="All")["value"]) == 2


@pytest.mark.parametrize(
    ("path", "properties", "message"),
    [
        ("environments/mine/versions/1", {}, "An environment has 'image' or 'build'."),
        ("environments/mine/versions/1", {"image": "x", "condaFile": "- a"}, "not a conda environment in YAML"),
        ("data/mine/versions/1", {"dataType": "uri_folder"}, "The data asset has no 'dataUri'."),
        (
            "data/mine/versions/1",
            {"dataType": "table", "dataUri": "x"},
            "dataType is one of uri_file, uri_folder, mltable",
        ),
        ("codes/mine/versions/1", {}, "The code has no 'codeUri'."),
        ("environments/m ne/versions/1", {"image": "x"}, "The environment name 'm ne' is not valid"),
    ],
)
def test_a_wrong_body_is_refused(
    group: Group, workspace: str, path: str, properties: dict[str, Any], message: str
) -> None:
    response = put(group, f"{workspace}/{path}", **properties)

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


def test_a_missing_environment_is_reported_in_the_words_of_the_service(group: Group, workspace: str) -> None:
    response = group.send("GET", f"{workspace}/environments/none")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == "No environment exists for name: none, version: , label: "


def test_a_model_is_registered_from_the_output_of_a_job(group: Group, workspace: str) -> None:
    body = {"jobType": "Command", "command": "true", "outputs": {"model": {"jobOutputType": "uri_folder"}}}
    group.send("PUT", f"{workspace}/jobs/trained", {"properties": body}).raise_for_status()
    store = f"azureml://subscriptions/{group.endpoint.subscription_id}/resourcegroups/{group.name}/workspaces/"
    store += f"{workspace.rpartition('/')[2]}/datastores"

    named = put(group, f"{workspace}/models/a/versions/1", modelUri="azureml://jobs/trained/outputs/model/paths/best")
    artifacts = put(
        group, f"{workspace}/models/a/versions/2", modelUri="runs:/trained/outputs/m", modelType="mlflow_model"
    )
    missing_output = put(
        group, f"{workspace}/models/a/versions/3", modelUri="azureml://jobs/trained/outputs/none/paths/"
    )
    missing_job = put(group, f"{workspace}/models/a/versions/3", modelUri="azureml://jobs/nobody/outputs/model/paths/")

    assert named.status_code == artifacts.status_code == 201
    assert named.json()["properties"]["modelUri"] == f"{store}/workspaceblobstore/paths/azureml/trained/model/best"
    assert named.json()["properties"]["jobName"] == "trained"
    folder = "ExperimentRun/dcid.trained/outputs/m"
    assert artifacts.json()["properties"]["modelUri"] == f"{store}/workspaceartifactstore/paths/{folder}"
    assert (missing_output.status_code, missing_output.json()["error"]["message"]) == (400, "Job output none not found")
    assert (missing_job.status_code, missing_job.json()["error"]["message"]) == (404, "Job nobody not found.")


def test_models_are_listed_archived_and_deleted(group: Group, workspace: str) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/m"
    for version in ("1", "2"):
        put(group, f"{workspace}/models/a/versions/{version}", modelUri=uri)
    put(group, f"{workspace}/models/a/versions/1", modelUri=uri, isArchived=True)

    changed = put(group, f"{workspace}/models/a/versions/1", modelUri=f"{uri}2")
    latest = group.get(f"{workspace}/models/a")["properties"]

    assert "is immutable, try specifying a new version" in changed.json()["error"]["message"]
    assert (latest["latestVersion"], latest["nextVersion"]) == ("2", "3")
    assert [item["name"] for item in group.get(f"{workspace}/models/a/versions")["value"]] == ["2"]
    assert [model["name"] for model in group.get(f"{workspace}/models")["value"]] == ["a"]
    assert group.send("DELETE", f"{workspace}/models/a").status_code == 200
    assert group.send("DELETE", f"{workspace}/models/a").status_code == 204
    assert group.get(f"{workspace}/models") == {"value": []}
    assert group.send("GET", f"{workspace}/models/a/versions/2").status_code == 404


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({}, "The model has no 'modelUri'."),
        ({"modelUri": "x", "modelType": "onnx"}, "modelType is one of custom_model, mlflow_model, triton_model"),
    ],
)
def test_a_model_that_means_nothing_is_refused(
    group: Group, workspace: str, properties: dict[str, Any], message: str
) -> None:
    response = put(group, f"{workspace}/models/a/versions/1", **properties)

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "feature"),
    [
        ("GET", "connections", "connections"),
        ("PUT", "components/a/versions/1", "components"),
        ("POST", "onlineEndpoints/a/deployments/b/getLogs", "online endpoints"),
        ("POST", "diagnose", "the diagnosis of a workspace"),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    group: Group, workspace: str, method: str, path: str, feature: str
) -> None:
    response = group.send(method, f"{workspace}/{path}", {})

    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(f"The emulator does not serve {feature}; ")


def test_a_template_deployment_is_refused_by_name(group: Group) -> None:
    path = f"{group.id}/providers/Microsoft.Resources/deployments/workspace"

    refused, absent = group.send("PUT", path, {"properties": {}}), group.send("GET", path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "NotServed")
    assert "does not run template deployments" in refused.json()["error"]["message"]
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "DeploymentNotFound")
