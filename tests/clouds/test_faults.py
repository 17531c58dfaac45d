"""Faults that a running emulator injects on request, and how the clients handle them."""

import gc
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from pydantic import ValidationError

from harness.clouds import Clients, Cloud, open_cloud
from harness.clouds.sdk import SdkCloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import ProvisioningError
from harness.fault_plans import FaultPlan, Rule, make_plan
from harness.fault_vocabulary import FAULTS, Fault
from harness.scenario.faults import FaultsSpec
from tests.fakes import injected

PLANS = "https://management.azure.com/providers/Harness.Emulator/faults"


@pytest.fixture
def cloud(emulator: Endpoint, tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as opened:
        yield opened


@pytest.fixture
def clients(cloud: Cloud) -> Iterator[Clients]:
    with cloud.clients("s/faults") as opened:
        yield opened


@pytest.fixture
def sent_requests(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that the clients send, as ``METHOD last part``; retries of the adapter are not counted."""
    calls: list[str] = []
    send = clients.session.send

    def listen(request: Any, **options: Any) -> Any:
        calls.append(f"{request.method} {request.url.partition('?')[0].rpartition('/')[2]}")
        return send(request, **options)

    monkeypatch.setattr(clients.session, "send", listen)
    return calls


Make = Callable[..., None]


@pytest.fixture
def make(clients: Clients) -> Iterator[Make]:
    """Create the resource group ``struck``; it is deleted at the end."""
    groups = clients.resources.resource_groups
    yield lambda: groups.create_or_update("struck", {"location": "eastus"})
    groups.begin_delete("struck").result()


def plan(**faults: Any) -> FaultPlan:
    named = {name.replace("_", "-"): rule for name, rule in faults.items()}
    return make_plan("test-plan", named, group="struck", share="struckshare")


def test_a_plan_is_in_force_in_the_block_alone(cloud: Cloud, clients: Clients) -> None:
    def names() -> list[str]:
        token = clients.resources._config.credential.get_token("https://management.azure.com/.default").token
        response = clients.session.get(PLANS, headers={"Authorization": f"Bearer {token}"})
        return [document["name"] for document in response.json()["value"]]

    with injected(cloud, plan(throttle=0.5)) as is_injected:
        assert is_injected
        assert "test-plan" in names()
    assert "test-plan" not in names()


def test_a_plan_is_withdrawn_in_vain_without_a_sign_in(cloud: Cloud) -> None:
    assert isinstance(cloud, SdkCloud)

    def base() -> requests.Session:
        session = cloud.base()
        session.proxies = {"https": "http://127.0.0.1:1"}
        return session

    replace(cloud, base=base, has_ended=lambda: True).withdraw(plan(throttle=0.5))


def test_a_replay_injects_none(tmp_path: Path) -> None:
    with open_cloud("replay", Settings(), cassettes=tmp_path) as replay, injected(replay, plan(drop=1)) as is_injected:
        assert not is_injected


def test_a_plan_that_is_none_is_refused_with_the_emulators_words(cloud: Cloud) -> None:
    wrong = FaultPlan("test-plan", 0, {"drop": Rule(2)})
    with pytest.raises(ProvisioningError, match=r"cannot inject faults: 400 .*rate of drop"), injected(cloud, wrong):
        pass


def test_the_emulator_knows_every_fault_of_the_scenario_format(cloud: Cloud) -> None:
    with injected(cloud, plan(**dict.fromkeys(FAULTS, 0))) as is_injected:
        assert is_injected


@pytest.mark.parametrize("fault", FAULTS)
def test_the_emulator_and_the_scenario_format_agree_on_what_has_a_duration(cloud: Cloud, fault: Fault) -> None:
    lasting = FaultPlan("test-plan", 0, {fault: Rule(0, seconds=1)})
    try:
        FaultsSpec.model_validate({fault: {"rate": 0, "seconds": 1}})
    except ValidationError:
        with pytest.raises(ProvisioningError, match="has no duration"), injected(cloud, lasting):
            pass
    else:
        with injected(cloud, lasting) as is_injected:
            assert is_injected


def test_a_token_that_expires_early_is_requested_again(
    cloud: Cloud, clients: Clients, make: Make, sent_requests: list[str]
) -> None:
    with injected(cloud, plan(expired_token={"rate": 1, "times": 3})):
        make()
    assert sent_requests.count("PUT struck") == 4
    assert sent_requests.count("POST token") == 3 + 1


def test_a_token_that_never_is_good_is_an_error_that_says_so(cloud: Cloud, clients: Clients) -> None:
    with (
        injected(cloud, plan(expired_token=1)),
        pytest.raises(ClientAuthenticationError, match="ExpiredAuthenticationToken"),
    ):
        clients.resources.resource_groups.get("struck")


def test_what_was_created_just_now_is_waited_for(cloud: Cloud, clients: Clients, make: Make) -> None:
    with injected(cloud, plan(late_read={"rate": 1, "seconds": 0.3})):
        make()
        assert clients.resources.resource_groups.get("struck").name == "struck"


def test_a_recording_under_faults_replays_without_waiting(emulator: Endpoint, tmp_path: Path) -> None:
    def create_and_delete(cloud: Cloud) -> str:
        with cloud.clients("s/struck") as clients:
            groups = clients.resources.resource_groups
            groups.create_or_update("struck", {"location": "eastus"})
            name = groups.get("struck").name
            groups.begin_delete("struck").result()
        return name

    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, record=True, endpoint=emulator) as recorded,
        injected(
            recorded, plan(throttle={"rate": 1, "times": 2, "seconds": 0.1}, late_read={"rate": 1, "seconds": 0.2})
        ),
    ):
        assert create_and_delete(recorded) == "struck"
    text = (tmp_path / "batchai" / "s" / "struck.json").read_text()
    assert "TooManyRequests" in text
    assert "ResourceGroupNotFound" in text
    with open_cloud("replay", Settings(), cassettes=tmp_path) as replayed:
        assert create_and_delete(replayed) == "struck"


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_no_connection_outlives_its_cloud(emulator: Endpoint, tmp_path: Path, fault: str) -> None:
    gc.collect()
    gc.disable()
    try:
        before = open_connections()
        with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud:
            with cloud.clients("s/struck") as clients, injected(cloud, plan(**{fault: {"rate": 1, "times": 2}})):
                clients.resources.resource_groups.create_or_update("struck", {"location": "eastus"})
                clients.resources.resource_groups.begin_delete("struck").result()
            del clients
        del cloud
        assert open_connections() <= before
    finally:
        gc.enable()


def open_connections() -> set[int]:
    # isinstance reads an attribute of each object, and some objects of PyTorch warn about every access.
    return {candidate.fileno() for candidate in gc.get_objects() if issubclass(type(candidate), ssl.SSLSocket)} - {-1}
