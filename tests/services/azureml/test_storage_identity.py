"""The conditions under which a scenario runs without the key of the storage account."""

from dataclasses import replace

import pytest

from harness.scenario.azureml import AzureMlSpec
from harness.services.azureml.storage_identity import identity_problem
from harness.services.service import ClusterPlan, MountPlan

CONTAINER = MountPlan("container", "data", "data")
PLAN = ClusterPlan("w", "eastus", "STANDARD_NC6", 1, (CONTAINER,), 60.0, azureml=AzureMlSpec(identity="user"))


def test_containers_and_an_identity_in_a_workspace_that_is_there_need_no_key() -> None:
    assert identity_problem(PLAN, makes_workspace=False) is None


@pytest.mark.parametrize(
    ("plan", "makes_workspace", "message"),
    [
        (
            replace(PLAN, mounts=(CONTAINER, MountPlan("share", "s", "s"))),
            False,
            "nodes need the account's key to mount file shares (s)",
        ),
        (replace(PLAN, azureml=AzureMlSpec()), False, "add azureml: {identity: user}"),
        (replace(PLAN, azureml=AzureMlSpec(identity="managed")), False, "(managed) is new in each run"),
        (PLAN, True, "azureml_workspace and azureml_resource_group"),
    ],
)
def test_what_needs_the_key_is_named_with_what_to_do(plan: ClusterPlan, makes_workspace: bool, message: str) -> None:
    problem = identity_problem(plan, makes_workspace=makes_workspace)
    assert problem is not None
    assert problem.startswith("storage_auth is identity, but ")
    assert message in problem
