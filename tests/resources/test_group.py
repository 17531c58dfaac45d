import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.clouds import Clients, Cloud, open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.errors import ProvisioningError, SignInError
from harness.resources import Journal, Provisioning, ResourceGroup, register_providers
from harness.resources.events import TeardownFailed
from harness.resources.owner import Owner, owner_of, this_process
from harness.resources.tags import group_id, read_tags, tags_of
from harness.services.batchai.batchai_service import PROVIDERS

ELSEWHERE = Owner("0123456789ab.0123456789ab", 1, "1")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """An emulator for all tests of this module, whose groups have different names."""
    with launch() as running:
        yield running


@pytest.fixture
def cloud(endpoint: Endpoint, tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=endpoint) as opened:
        yield opened


def provisioning(cloud: Cloud, clients: Clients, tmp_path: Path, run: str = "run") -> Provisioning:
    return Provisioning(cloud, clients, Journal(tmp_path / "journal.jsonl"), lambda _event: None, run)


def test_a_group_exists_inside_the_block_and_not_after_it(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        register_providers(context, PROVIDERS)
        with ResourceGroup(context, name="mine", location="eastus"):
            assert clients.resources.resource_groups.check_existence("mine")
        assert not clients.resources.resource_groups.check_existence("mine")
        assert context.journal.open_entries() == []


def test_a_group_of_another_owner_is_refused_and_kept(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        clients.resources.resource_groups.create_or_update("theirs", {"location": "eastus"})
        context = provisioning(cloud, clients, tmp_path)
        with pytest.raises(ProvisioningError, match="theirs"), ResourceGroup(context, name="theirs", location="eastus"):
            pass
        assert clients.resources.resource_groups.check_existence("theirs")


def test_a_wrong_client_secret_names_the_settings(tmp_path: Path, endpoint: Endpoint) -> None:
    wrong = Settings(client_secret="wrong")
    with (
        open_cloud("emulator", wrong, cassettes=tmp_path, endpoint=endpoint) as cloud,
        cloud.clients("s/group") as clients,
    ):
        context = provisioning(cloud, clients, tmp_path)
        with pytest.raises(SignInError, match="client_secret"):
            register_providers(context, PROVIDERS)


def test_a_group_that_an_ended_run_kept_is_adopted_and_gets_new_tags(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        first = replace(provisioning(cloud, clients, tmp_path, run="first"), owner=Owner(this_process().host, 1, "0.0"))
        ResourceGroup(first, name="kept", location="eastus").create()
        second = ResourceGroup(provisioning(cloud, clients, tmp_path, run="second"), name="kept", location="eastus")
        assert second.adopt()
        label = read_tags(clients.resources.resource_groups.get("kept").tags)
        assert (label.run, label.owner) == ("second", this_process())


def test_a_group_that_is_not_there_cannot_be_adopted(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        assert not ResourceGroup(provisioning(cloud, clients, tmp_path), name="none", location="eastus").adopt()


def test_a_group_of_a_living_run_or_without_our_tags_is_not_adopted(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        ResourceGroup(
            replace(context, owner=owner_of(os.getppid()), run="other"), name="used", location="eastus"
        ).create()
        with pytest.raises(ProvisioningError, match=rf"in use by run other \(process {os.getppid()}\)"):
            ResourceGroup(context, name="used", location="eastus").adopt()
        clients.resources.resource_groups.create_or_update("unmarked", {"location": "eastus"})
        with pytest.raises(ProvisioningError, match="was not made by the harness"):
            ResourceGroup(context, name="unmarked", location="eastus").adopt()


def test_a_group_that_a_run_of_another_machine_may_use_is_not_adopted(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        other_context = replace(context, owner=ELSEWHERE, run="theirs")
        ResourceGroup(other_context, name="far", location="eastus").create()
        before = clients.resources.resource_groups.get("far").tags
        with pytest.raises(ProvisioningError, match="in use by run theirs, made on another machine, until 20"):
            ResourceGroup(context, name="far", location="eastus").adopt()
        assert clients.resources.resource_groups.get("far").tags == before


def test_a_group_of_another_machine_that_has_expired_is_adopted(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        expired = replace(context, owner=ELSEWHERE, run="theirs", lifetime=timedelta(seconds=-1))
        ResourceGroup(expired, name="expired", location="eastus").create()
        assert ResourceGroup(context, name="expired", location="eastus").adopt()


def test_a_group_that_a_run_of_another_machine_has_kept_is_adopted_and_no_longer_marked_as_kept(
    cloud: Cloud, tmp_path: Path
) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        other_group = ResourceGroup(
            replace(context, owner=ELSEWHERE, run="theirs"), name="handed-on", location="eastus"
        )
        other_group.create()
        other_group.release()
        assert ResourceGroup(context, name="handed-on", location="eastus").adopt()
        assert not read_tags(clients.resources.resource_groups.get("handed-on").tags).is_kept
        other_group.release()  # too late: the group belongs to another run
        assert not read_tags(clients.resources.resource_groups.get("handed-on").tags).is_kept


@pytest.mark.parametrize("rename", [str, lambda name: name.replace("-", "")], ids=["copied", "without hyphens"])
def test_a_group_that_carries_the_tags_of_another_is_not_ours(
    cloud: Cloud, tmp_path: Path, rename: Callable[[str], str]
) -> None:
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)
        copied = {rename(name): value for name, value in tags_of(context, group_id(cloud.facts, "original")).items()}
        clients.resources.resource_groups.create_or_update("copy", {"location": "eastus", "tags": copied})
        group = ResourceGroup(context, name="copy", location="eastus")
        with pytest.raises(ProvisioningError, match="was not made by the harness"):
            group.adopt()
        with pytest.raises(ProvisioningError, match="already exists and does not belong to this run"):
            group.open()
        group.delete()
        assert clients.resources.resource_groups.check_existence("copy")


def test_a_refused_group_is_not_deleted_and_no_deletion_is_reported(cloud: Cloud, tmp_path: Path) -> None:
    events: list[object] = []
    with cloud.clients("s/group") as clients:
        clients.resources.resource_groups.create_or_update("foreign", {"location": "eastus"})
        context = replace(provisioning(cloud, clients, tmp_path), sink=events.append)
        with (
            pytest.raises(ProvisioningError, match="foreign"),
            ResourceGroup(context, name="foreign", location="eastus"),
        ):
            pass
        assert clients.resources.resource_groups.check_existence("foreign")
    assert events == []
    assert not context.journal.path.exists()


def test_deleting_is_tried_again_before_it_is_reported(cloud: Cloud, tmp_path: Path) -> None:
    events: list[object] = []
    clock = SteppingClock()
    # The pauses of the SDK pass on another clock.
    with replace(cloud, clock=SteppingClock()).clients("s/group") as clients:
        context = replace(provisioning(cloud, clients, tmp_path), cloud=replace(cloud, clock=clock), sink=events.append)
        register_providers(context, PROVIDERS)
        with ResourceGroup(context, name="lost", location="eastus"):
            clients.session.proxies = {"https": "http://127.0.0.1:1"}  # the network is lost
        assert clock.monotonic() == 6.0
        assert "delete what is left with: harness reap" in events[-1].reason
        assert [entry.name for entry in context.journal.open_entries()] == ["lost"]


def test_nothing_is_deleted_twice_where_the_emulator_has_ended(cloud: Cloud, tmp_path: Path) -> None:
    events: list[object] = []
    clock = SteppingClock()
    with cloud.clients("s/group") as clients:
        ended = replace(cloud, clock=clock, has_ended=lambda: True)
        context = replace(provisioning(cloud, clients, tmp_path), cloud=ended, sink=events.append)
        register_providers(context, PROVIDERS)
        with ResourceGroup(context, name="unreachable", location="eastus"):
            clients.session.proxies = {"https": "http://127.0.0.1:1"}
        assert clock.monotonic() == 0.0
        assert not any(isinstance(event, TeardownFailed) for event in events)
        assert [entry.name for entry in context.journal.open_entries()] == ["unreachable"]


def test_the_journal_lists_a_group_with_its_cloud_before_the_group_exists(cloud: Cloud, tmp_path: Path) -> None:
    steps = []
    with cloud.clients("s/group") as clients:
        context = provisioning(cloud, clients, tmp_path)

        def record(event: object) -> None:
            exists = clients.resources.resource_groups.check_existence("mine")
            steps.append((event.step, [entry.name for entry in context.journal.open_entries()], exists))

        with ResourceGroup(replace(context, sink=record), name="mine", location="eastus"):
            [entry] = context.journal.open_entries()
    assert steps[0] == ("creating", ["mine"], False)
    assert (entry.cloud, entry.place, entry.owner) == ("emulator", cloud.facts.directory, this_process())
    assert entry.expiry is not None
