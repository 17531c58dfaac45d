"""Which resources may be deleted, and the effect of their deletion."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import SteppingClock
from harness.clouds import Clients, Cloud, open_cloud
from harness.config import Settings
from harness.fault_plans import make_plan
from harness.resources import Entry, FileShare, Journal, Provisioning, ResourceGroup
from harness.resources.owner import Owner, owner_of, this_process
from harness.resources.reap import TaggedResource, Verdict, close_entries, decide, find, reap
from harness.resources.tags import Label, group_id, tags_of
from tests.fakes import injected

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN_GROUP = "harness-emulator"  # every emulator has this group, which cannot be deleted
ELSEWHERE = Owner("0123456789ab", 1, "boot.1")


@pytest.fixture(scope="module")
def ended() -> Owner:
    """The owner of the resources of an ended run."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with open_cloud("emulator", Settings(), cassettes=tmp_path_factory.mktemp("cassettes")) as opened:
        yield opened


@pytest.fixture
def clients(cloud: Cloud) -> Iterator[Clients]:
    with cloud.clients("reap") as opened:
        yield opened
        for resource in find(cloud, opened):
            if resource.kind == "file share":
                opened.files.delete_share(resource.name)
        for group in opened.resources.resource_groups.list():
            if group.name != OWN_GROUP:
                opened.resources.resource_groups.begin_delete(group.name).result()


def group(
    owner: Owner | None, *, created: datetime | None = NOW - HOUR, expires: datetime | None = NOW + HOUR
) -> TaggedResource:
    return TaggedResource("resource group", "g", "/g", Label("run", owner, created, expires, "/g"))


def leave_group(cloud: Cloud, clients: Clients, name: str, owner: Owner | None) -> None:
    provisioning = Provisioning(cloud, clients, Journal.__new__(Journal), lambda _event: None, "dead")
    tags = tags_of(provisioning, group_id(cloud.facts, name))
    tags["batchai-harness-owner"] = str(owner)
    clients.resources.resource_groups.create_or_update(name, {"location": "eastus", "tags": tags})


def verdicts(cloud: Cloud, clients: Clients) -> list[Verdict]:
    return [decide(resource, datetime.now(UTC)) for resource in find(cloud, clients)]


def test_what_a_living_run_owns_is_kept_even_when_it_has_expired() -> None:
    verdict = decide(group(this_process(), expires=NOW - HOUR), NOW)
    assert (verdict.delete, verdict.reason) == (False, f"its run is alive (process {this_process().pid})")


def test_what_an_ended_run_left_is_deleted_before_it_expires(ended: Owner) -> None:
    verdict = decide(group(ended), NOW)
    assert (verdict.delete, verdict.reason) == (True, f"its run has ended (process {ended.pid})")


def test_what_another_machine_made_waits_for_its_expiry() -> None:
    assert decide(group(ELSEWHERE), NOW).reason == "made on another machine, until 2026-05-01 13:00 UTC"
    assert not decide(group(ELSEWHERE), NOW).delete
    assert decide(group(ELSEWHERE), NOW + HOUR).reason == "expired at 2026-05-01 13:00 UTC"


def test_what_was_made_before_the_last_start_of_this_machine_waits_for_its_expiry() -> None:
    before = replace(this_process(), host=f"{this_process().host.partition('.')[0]}.0123456789ab")
    verdict = decide(group(before), NOW)
    assert (verdict.delete, verdict.reason) == (
        False,
        "made before this machine was last started, or on a clone of it, until 2026-05-01 13:00 UTC",
    )
    assert decide(group(before), NOW + HOUR).delete


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("/other", "its tags were copied: they were written on /other"),
        ("", "its tags do not name it: they were copied, or an older version wrote them"),
    ],
)
def test_what_carries_the_tags_of_another_resource_is_kept_for_ever(ended: Owner, resource: str, reason: str) -> None:
    original = group(ended, expires=NOW - HOUR)
    copied = replace(original, label=replace(original.label, resource=resource))
    assert decide(copied, NOW) == Verdict(copied, delete=False, reason=reason)


def test_what_has_no_readable_owner_waits_for_its_expiry() -> None:
    assert decide(group(None), NOW).reason == "its owner cannot be read, until 2026-05-01 13:00 UTC"
    assert decide(group(None), NOW + HOUR).delete


def test_an_expiry_that_cannot_be_read_never_comes() -> None:
    assert not decide(group(None, expires=None), NOW + 1000 * HOUR).delete


@pytest.mark.parametrize("created", [NOW - HOUR, None])
def test_what_is_younger_or_of_unknown_age_is_spared(ended: Owner, created: datetime | None) -> None:
    assert not decide(group(ended, created=created), NOW, older_than=2 * HOUR).delete
    assert decide(group(ended, created=NOW - 3 * HOUR), NOW, older_than=2 * HOUR).delete


@given(st.integers(-100, 100), st.integers(-100, 100), st.integers(0, 100))
def test_no_age_and_no_expiry_deletes_what_is_alive(created: int, expires: int, age: int) -> None:
    resource = group(this_process(), created=NOW + created * HOUR, expires=NOW + expires * HOUR)
    assert not decide(resource, NOW, older_than=age * HOUR).delete


def test_only_what_carries_our_tags_is_found(cloud: Cloud, clients: Clients, ended: Owner) -> None:
    leave_group(cloud, clients, "ours", ended)
    clients.resources.resource_groups.create_or_update("theirs", {"location": "eastus", "tags": {"owner": "them"}})
    clients.files.create_share("theirs")
    assert [resource.name for resource in find(cloud, clients)] == ["ours"]
    clients.files.delete_share("theirs")


def test_what_a_run_makes_is_found_with_its_owner_until_it_is_deleted(
    cloud: Cloud, clients: Clients, tmp_path: Path
) -> None:
    provisioning = Provisioning(cloud, clients, Journal(tmp_path / "j"), lambda _event: None, "mine")
    with (
        ResourceGroup(provisioning, name="mine", location="eastus"),
        FileShare(provisioning, group="mine", name="myshare", directory="d"),
    ):
        labels = {resource.kind: resource.label for resource in find(cloud, clients)}
        assert labels["resource group"].owner == labels["file share"].owner == this_process()
        assert labels["file share"].run == "mine"
    assert find(cloud, clients) == []


def test_a_share_that_was_there_before_a_run_is_never_found(cloud: Cloud, clients: Clients, tmp_path: Path) -> None:
    clients.files.create_share("before")
    provisioning = Provisioning(cloud, clients, Journal(tmp_path / "j"), lambda _event: None, "mine")
    with FileShare(provisioning, group="mine", name="before", directory="d"):
        assert find(cloud, clients) == []
    assert "before" in [share.name for share in clients.files.list_shares()]
    clients.files.delete_share("before")


def test_reaping_deletes_what_may_go_and_leaves_the_rest(cloud: Cloud, clients: Clients, ended: Owner) -> None:
    leave_group(cloud, clients, "dead", ended)
    leave_group(cloud, clients, "alive", this_process())
    reported: list[object] = []
    results = reap(verdicts(cloud, clients), cloud, clients, report=reported.append)
    assert [(result.verdict.resource.name, result.error) for result in results] == [("dead", "")]
    assert reported == results
    assert [resource.name for resource in find(cloud, clients)] == ["alive"]


@pytest.mark.slow  # seconds of retries
@pytest.mark.parametrize("seed", range(3))
def test_reaping_survives_what_clouds_do(cloud: Cloud, clients: Clients, ended: Owner, seed: int) -> None:
    leave_group(cloud, clients, "struck", ended)
    faults = {"throttle": {"rate": 0.2, "seconds": 0.1}, "unavailable": 0.2, "drop": 0.2, "cut": 0.2}
    with injected(cloud, make_plan("reap", faults, seed=seed)):
        results = reap(verdicts(cloud, clients), cloud, clients, report=lambda _result: None)
    assert [(result.verdict.resource.name, result.error) for result in results] == [("struck", "")]
    assert find(cloud, clients) == []


def test_a_failed_deletion_is_reported_and_stays_in_the_journal(
    cloud: Cloud, clients: Clients, tmp_path: Path, ended: Owner
) -> None:
    leave_group(cloud, clients, "stuck", ended)
    journal, location = Journal(tmp_path / "j"), ("emulator", cloud.facts.scope, cloud.facts.storage_account, "")
    journal.append(Entry("dead", "resource group", "stuck", "stuck", "creating", *location, ended))
    earlier_verdicts = verdicts(cloud, clients)
    stepping_cloud = replace(cloud, clock=SteppingClock())  # the pauses between retries take no time
    with (
        injected(cloud, make_plan("reap", {"unavailable": 1}, group="stuck")),
        stepping_cloud.clients("reap") as stepping_clients,
    ):
        (result,) = reap(earlier_verdicts, stepping_cloud, stepping_clients, report=lambda _result: None)
    assert "cannot delete resource group stuck: " in result.error
    assert [entry.name for entry in close_entries(journal, cloud, clients)] == ["stuck"]


def test_what_another_run_has_taken_over_since_is_kept(cloud: Cloud, clients: Clients, ended: Owner) -> None:
    leave_group(cloud, clients, "contested", ended)
    earlier_verdicts = verdicts(cloud, clients)
    leave_group(cloud, clients, "contested", this_process())
    reap(earlier_verdicts, cloud, clients, report=lambda _result: None)
    assert [resource.name for resource in find(cloud, clients)] == ["contested"]


def test_what_no_longer_exists_counts_as_deleted(cloud: Cloud, clients: Clients, ended: Owner) -> None:
    leave_group(cloud, clients, "gone", ended)
    earlier_verdicts = verdicts(cloud, clients)
    clients.resources.resource_groups.begin_delete("gone").result()
    assert [result.error for result in reap(earlier_verdicts, cloud, clients, report=lambda _result: None)] == [""]


def test_the_journal_drops_what_no_longer_exists_and_keeps_what_exists_or_belongs_to_a_running_run(
    cloud: Cloud, clients: Clients, tmp_path: Path, ended: Owner
) -> None:
    journal, location = Journal(tmp_path / "j"), ("emulator", cloud.facts.scope, cloud.facts.storage_account, "")
    leave_group(cloud, clients, "left", ended)
    for kind, name, owner in [
        ("resource group", "left", ended),
        ("resource group", "gone", ended),
        ("cluster", "gone", ended),
        ("file share", "gone", ended),
        ("resource group", "young", this_process()),
    ]:
        journal.append(Entry("dead", kind, name, name, "creating", *location, owner))
    assert [entry.name for entry in close_entries(journal, cloud, clients)] == ["left"]
    assert [entry.name for entry in journal.open_entries()] == ["young", "left"]


class WorkspaceResources:
    """A service that has a compute of a dead run in an existing workspace."""

    def find(self, cloud: Cloud, clients: Clients) -> list[TaggedResource]:
        del cloud, clients
        return [TaggedResource("compute", "mine/c", "/c", Label("dead", None, None, None, "/c"))]

    def label(self, resource: TaggedResource, clients: Clients) -> Label | None:
        raise NotImplementedError

    def delete(self, resource: TaggedResource, clients: Clients) -> None:
        raise NotImplementedError

    def purge(self, group: str, clients: Clients) -> None:
        raise NotImplementedError


def test_the_journal_keeps_a_cluster_of_a_deleted_group_while_anything_of_its_run_is_in_a_workspace(
    cloud: Cloud, clients: Clients, tmp_path: Path, ended: Owner
) -> None:
    journal, location = Journal(tmp_path / "j"), ("emulator", cloud.facts.scope, cloud.facts.storage_account, "")
    for run, kind in [("dead", "cluster"), ("dead", "resource group"), ("another", "cluster")]:
        journal.append(Entry(run, kind, "gone", "c", "creating", *location, ended))
    assert [(entry.run, entry.kind) for entry in close_entries(journal, cloud, clients, WorkspaceResources())] == [
        ("dead", "cluster")
    ]
    assert close_entries(journal, cloud, clients) == []


def test_the_journal_keeps_shares_of_an_account_that_was_not_looked_at(
    cloud: Cloud, clients: Clients, tmp_path: Path, ended: Owner
) -> None:
    journal = Journal(tmp_path / "j")
    entry = Entry("dead", "file share", "g", "s", "creating", "emulator", cloud.facts.scope, "another", "", ended)
    journal.append(entry)
    close_entries(journal, cloud, clients)
    assert journal.open_entries() == [entry]
