"""A reader cannot change anything, checked for every operation in the tables."""

from typing import Any, cast

from harness.emulator.providers.arm.actions import action_of as management_action
from harness.emulator.providers.azureml.data_plane.host import action_of as data_plane_action
from harness.emulator.providers.blobs.routes import operations as blob_operations
from harness.emulator.providers.files.routes import operations as file_operations
from harness.emulator.roles import SETS, manages, permits
from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.operations import Address, Operation
from tests.emulator.azureml.operations import HOSTS, served_routes

READER, READING = SETS["reader"], ("GET", "HEAD")
# Reads by POST, and GETs whose responses a reader must not see.
READ_BY_POST = {
    *("Run_GetData", "Runs_Query", "Experiments_Query", "DataVersion_BatchGetResolvedUris"),
    *("Mlflow_experiments/search", "Mlflow_runs/search"),
}
TOKENS = {"Runs_GetToken", "Runs_GetTokenById"}


class Anything:
    """Replaces everything that handlers need, because only the tables matter."""

    def __getattr__(self, name: str) -> "Anything":
        return self

    def __call__(self, *_: object, **__: object) -> "Anything":
        return self


NONE = cast("Any", Anything())
STORAGE: list[tuple[Service, Address, Operation]] = [
    *(("file", address, operation) for address, operation in file_operations(NONE, NONE, NONE).items()),
    *(
        ("blob", address, operation)
        for address, operation in blob_operations(NONE, NONE, NONE, history=NONE, public=NONE, service=NONE).items()
    ),
]


def test_a_reader_changes_nothing_in_storage() -> None:
    for service, (_, method, _, _), operation in STORAGE:
        if method not in READING and operation.name != "GetUserDelegationKey":  # a SAS signed with it permits no more
            assert not permits(READER, operation.grant(service).action), operation.name


def test_a_reader_changes_nothing_by_resource_manager_and_in_workspaces() -> None:
    for host, route in served_routes():
        by_plane = data_plane_action(route.method, route.operation)
        action = management_action(route.method, route.template) if host == HOSTS[0] else by_plane
        is_reading = route.method in READING or (host == HOSTS[1] and route.operation in READ_BY_POST)
        assert action
        assert manages(READER, action) == (is_reading and route.operation not in TOKENS), route.operation
