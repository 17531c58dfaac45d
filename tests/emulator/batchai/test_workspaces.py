"""Workspaces and experiments: created at once, deleted with everything in them."""

from tests.emulator.batchai.conftest import Group


def test_a_workspace_is_made_at_once_and_shown_as_it_was_made(group: Group) -> None:
    path = f"{group.provider}/workspaces/other"
    first = group.send("PUT", path, {"location": "West Europe", "tags": {"a": "b"}})
    again = group.send("PUT", path, {"location": "westeurope"})

    assert first.status_code == again.status_code == 200
    assert list(first.json()) == ["id", "name", "type", "location", "tags", "properties"]
    assert first.json()["location"] == "westeurope"
    assert first.json()["properties"]["provisioningState"] == "succeeded"
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]


def test_tags_of_a_workspace_can_be_changed_and_move_its_etag(group: Group) -> None:
    before = group.send("GET", group.workspace)
    group.send("PATCH", group.workspace, {"tags": {"owner": "me"}})
    after = group.send("GET", group.workspace)

    assert after.json()["tags"] == {"owner": "me"}
    assert after.headers["etag"] != before.headers["etag"]


def test_a_slow_change_restores_nothing_that_was_deleted_in_between(group: Group) -> None:
    def delete() -> None:
        group.wait_for_operation(group.send("DELETE", group.workspace))

    answer = group.send_slowly("PATCH", group.workspace, {"tags": {"late": "yes"}}, delete)

    assert answer.status_code == 404
    assert group.send("GET", group.workspace).status_code == 404


def test_a_workspace_in_another_region_of_that_name_is_refused(group: Group) -> None:
    answer = group.send("PUT", group.workspace, {"location": "westus"})

    assert answer.status_code == 409
    assert "already exists in location 'eastus'" in answer.json()["error"]["message"]


def test_what_is_missing_is_named_from_the_top(group: Group) -> None:
    missing = f"{group.provider}/workspaces/none"
    codes = [
        group.send("GET", path).json()["error"]
        for path in (
            missing,
            f"{missing}/clusters/c",
            f"{group.workspace}/experiments/none/jobs/j",
            f"{group.workspace}/clusters/c",
        )
    ]

    assert [error["code"] for error in codes] == [
        "WorkspaceNotFound",
        "WorkspaceNotFound",
        "ExperimentNotFound",
        "ClusterNotFound",
    ]
    assert codes[0]["message"] == "The specified workspace none is not found"


def test_deleting_what_is_not_there_says_so_without_a_fault(group: Group) -> None:
    assert group.send("DELETE", f"{group.workspace}/experiments/none").status_code == 204


def test_deleting_a_workspace_ends_its_jobs_and_forgets_all_of_it(group: Group) -> None:
    group.make_cluster()
    running = group.submit("running", "sleep 600")
    group.submit("queued", "true", nodeCount=1)
    group.wait_for_state(running, "running")

    group.wait_for_operation(group.send("DELETE", group.workspace))

    assert group.send("GET", running).json()["error"]["code"] == "WorkspaceNotFound"
    group.send("PUT", group.workspace, {"location": "eastus"})
    assert group.send("GET", f"{group.workspace}/clusters").json() == {"value": []}
    assert group.send("GET", f"{group.workspace}/experiments").json() == {"value": []}


def test_deleting_a_group_ends_everything_in_it(group: Group) -> None:
    group.make_cluster()
    group.wait_for_state(group.submit("running", "sleep 600"), "running")
    group.send("DELETE", group.id, api="2021-04-01")

    document = group.until(group.id, lambda document: "error" in document, api="2021-04-01")

    assert document["error"]["code"] == "ResourceGroupNotFound"


def test_a_name_with_a_point_is_refused_since_2018_05(group: Group) -> None:
    answer = group.send("PUT", f"{group.provider}/workspaces/a.b", {"location": "eastus"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceName")


def test_the_subscription_lists_no_workspace_of_another_service(group: Group) -> None:
    path = f"/subscriptions/{group.endpoint.subscription_id}/providers/Microsoft.BatchAI/workspaces"
    response = group.send("GET", path)

    assert all("/providers/Microsoft.BatchAI/" in workspace["id"] for workspace in response.json()["value"])
