"""A GET changes nothing that is stored."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.emulator.batchai.conftest import MANAGEMENT, Group


def rows(group: Group) -> list[tuple[str, str, bytes]]:
    """Every record of the emulator."""
    with closing(sqlite3.connect(Path(group.endpoint.directory) / "emulator.db")) as connection:
        return connection.execute("SELECT kind, key, value FROM records ORDER BY kind, key").fetchall()


def test_reading_everything_of_a_run_changes_nothing(group: Group) -> None:
    group.make_cluster()
    group.run("job", "echo hello")
    path = f"{group.experiment}/jobs/job"
    outputs = group.outputs(path)
    before = rows(group)

    subscription = f"/subscriptions/{group.endpoint.subscription_id}"
    for read in (
        group.workspace, group.experiment, f"{group.workspace}/clusters/cluster", path, f"{group.workspace}/clusters",
        f"{group.experiment}/jobs", f"{subscription}/providers/Microsoft.BatchAI/locations/eastus/usages",
        f"{subscription}/providers/Microsoft.BatchAI/workspaces", f"{group.workspace}/clusters/none",
        "/providers/Microsoft.BatchAI/operations",
    ):  # fmt: skip
        group.send("GET", read)
    for read in (group.id, f"{subscription}/resourceGroups", f"{subscription}/providers", "/subscriptions", "/tenants"):
        assert group.send("GET", read, api="2021-04-01").status_code == 200, read
    for output in outputs.values():
        assert group.session.get(output["downloadUrl"]).status_code == 200
    group.files.get_share_properties(group.share)
    list(group.files.list_directories_and_files(group.share))
    group.session.get(f"{MANAGEMENT}{path}")  # without a token

    assert rows(group) == before
