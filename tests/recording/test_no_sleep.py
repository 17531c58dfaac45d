"""A replay without pauses: the sleep of SDKs is skipped on request, that of other callers is not."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.batchai import BatchAI
from azure.storage.common import storageclient
from azure.storage.file import FileService

from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.no_sleep import no_sleep
from harness.recording.placeholders import placeholder_key

Open = Callable[..., AbstractContextManager[requests.Session]]
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
CLUSTER = (
    f"https://management.azure.com{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w/clusters/c"
)
OPERATION = (
    f"https://management.azure.com{SUBSCRIPTION}/providers/Microsoft.BatchAI/locations/eastus/operationresults/1"
)
QUERY = "?api-version=2018-05-01"


@pytest.fixture
def sleeping_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if any caller sleeps."""

    def sleep(seconds: float) -> None:
        pytest.fail(f"a caller sleeps for {seconds} seconds")

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(storageclient, "sleep", sleep)


class Credential:
    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken("none", 2**40)


def interaction(method: str, uri: str, status: int, headers: dict[str, str], *, count: int = 1) -> Interaction:
    body = b"{}" if status == 200 else b""
    return Interaction(RecordedRequest(method, uri + QUERY), RecordedResponse(status, "OK", headers, body), count)


@pytest.mark.parametrize("options", [{}, {"polling_interval": 30}])
def test_a_recording_of_two_hours_replays_at_once(
    open_recorded: Open, cassette: Path, options: dict[str, int], sleeping_fails: None
) -> None:
    wait = {"Retry-After": "15", "Location": OPERATION + QUERY}
    save_cassette(
        cassette,
        [
            interaction("DELETE", CLUSTER, 202, wait),
            interaction("GET", OPERATION, 202, wait, count=480),
            interaction("GET", OPERATION, 200, {}),
        ],
        {},
    )
    with no_sleep(), open_recorded("replay") as session:
        transport = RequestsTransport(session=session, session_owner=False)
        client = BatchAI(Credential(), SUBSCRIPTION.rpartition("/")[2], transport=transport, **options)
        client.clusters.begin_delete("g", "w", "c").result()


def test_retries_of_the_storage_client_take_no_time(open_recorded: Open, cassette: Path, sleeping_fails: None) -> None:
    share = "https://account.file.core.windows.net/share?restype=share"
    busy = Interaction(RecordedRequest("PUT", share), RecordedResponse(503, "Server Busy", {}, b""), 2)
    created = Interaction(RecordedRequest("PUT", share), RecordedResponse(201, "Created", {"ETag": '"1"'}, b""))
    save_cassette(cassette, [busy, created], {})

    with no_sleep(), open_recorded("replay") as session:
        assert FileService("account", placeholder_key(1), request_session=session).create_share("share")


def test_a_replay_changes_nothing_of_the_process(open_recorded: Open, cassette: Path) -> None:
    save_cassette(cassette, [], {})
    before = (time.sleep, storageclient.sleep)

    with open_recorded("replay"):
        assert (time.sleep, storageclient.sleep) == before


def test_sleep_is_itself_again_when_the_last_replay_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.sleep
    monkeypatch.setattr(time, "sleep", real)
    monkeypatch.setattr(storageclient, "sleep", real)
    outer, inner = no_sleep(), no_sleep()

    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert time.sleep is not real
    inner.__exit__(None, None, None)

    assert (time.sleep, storageclient.sleep) == (real, real)


def test_a_test_still_sleeps_while_a_recording_replays() -> None:
    with no_sleep():
        begin = time.perf_counter()
        time.sleep(0.02)

    assert time.perf_counter() - begin >= 0.02
