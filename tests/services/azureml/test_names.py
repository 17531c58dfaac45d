"""Conversion of the names in a scenario to names that a workspace accepts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clouds.run_identity import new_run, suffix_of
from harness.scenario.azureml import datastore_name
from harness.scenario.volumes import SHARE_NAME
from harness.services.azureml.names import compute_name, dependency_suffix, job_id, workspace_name

SCENARIO_NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", fullmatch=True)


@given(SCENARIO_NAMES)
def test_every_name_of_a_scenario_becomes_one_that_the_service_accepts(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}", compute_name(name))
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", workspace_name(name, name))
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}", job_id(name, suffix_of("run")))


@pytest.mark.parametrize("name", ["mycluster", "gpu-1a", "Standard"])
def test_a_name_that_is_accepted_stays_as_it_is(name: str) -> None:
    assert compute_name(name) == name


@given(SCENARIO_NAMES, SCENARIO_NAMES)
def test_two_workspaces_of_a_run_share_no_storage_account(first: str, second: str) -> None:
    names = {dependency_suffix(suffix_of("run"), group=group, workspace="w") for group in (first, second)}
    assert len(names) == len({first.lower(), second.lower()})
    assert all(re.fullmatch(r"hml[a-z0-9]{1,21}", f"hml{name}") for name in names)


def test_a_datastore_has_no_hyphen() -> None:
    assert datastore_name("share", "batchai-quick-start") == "batchai_quick_start"
    assert datastore_name("container", "batchai-quick-start") == "batchai_quick_start__container"


VOLUME_NAMES = st.from_regex(SHARE_NAME, fullmatch=True)


@given(VOLUME_NAMES, VOLUME_NAMES)
def test_no_share_and_container_have_one_datastore(share: str, container: str) -> None:
    assert datastore_name("share", share) != datastore_name("container", container)


def test_runs_have_suffixes_of_their_own_that_a_storage_account_may_have() -> None:
    suffixes = {suffix_of(new_run()) for _ in range(100)}
    assert len(suffixes) == 100
    assert all(re.fullmatch(r"[a-z][a-z0-9]{11}", suffix) for suffix in suffixes)
