"""Pauses that depend on the remaining requests that a service reports."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from harness.clock import SteppingClock, SystemClock
from harness.clouds import open_cloud
from harness.clouds.recent_writes import RecentWrites
from harness.clouds.remaining_requests import RemainingRequests, pause_after, remaining_counts
from harness.clouds.retry_adapter import RetryAdapter
from harness.clouds.retry_policy import LOCAL
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.services.azureml.rest_client import VERSION, RestClient

READS = "x-ms-ratelimit-remaining-subscription-reads"
WRITES = "x-ms-ratelimit-remaining-subscription-writes"
DELETES = "x-ms-ratelimit-remaining-subscription-deletes"
URL = "https://management.azure.com/thing"


@given(st.integers(min_value=0, max_value=20_000), st.integers(min_value=0, max_value=20_000))
def test_the_fewer_are_left_the_longer_is_the_pause(first: int, second: int) -> None:
    few, many = sorted((first, second))
    assert 0 <= pause_after(many) <= pause_after(few) <= 2


@pytest.mark.parametrize(("remaining", "pause"), [(249, 0), (40, 0), (20, 1), (0, 2)])
def test_many_left_need_no_pause(remaining: int, pause: float) -> None:
    assert pause_after(remaining) == pause


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({READS: "7"}, {"reads": 7}),
        ({"X-MS-RateLimit-Remaining-Subscription-Global-Reads": "3", READS: "7"}, {"reads": 3}),
        ({"x-ms-ratelimit-remaining-tenant-writes": "1", DELETES: "2"}, {"writes": 1, "deletes": 2}),
        ({READS: "-1", WRITES: "many", DELETES: "\u0663"}, {}),
        ({"x-ms-ratelimit-remaining-subscription-resource-requests": "5"}, {}),
    ],
)
def test_what_an_answer_says(headers: dict[str, str], expected: dict[str, int]) -> None:
    assert remaining_counts(headers) == expected


@pytest.mark.parametrize(
    ("header", "method", "waits"),
    [
        (READS, "GET", True),
        (READS, "PUT", False),
        (WRITES, "POST", True),
        (WRITES, "DELETE", True),
        (DELETES, "DELETE", True),
        (DELETES, "PATCH", False),
    ],
)
def test_each_kind_of_request_waits_for_its_own_count(header: str, method: str, waits: bool) -> None:
    clock = SteppingClock()
    remaining = RemainingRequests(clock)
    remaining.update(URL, {header: "0"})
    remaining.wait(method, "https://another.example/thing")
    assert clock.monotonic() == 0
    remaining.wait(method, URL)
    assert clock.monotonic() == (2 if waits else 0)


def test_time_that_has_passed_since_the_answer_counts() -> None:
    clock = SteppingClock()
    remaining = RemainingRequests(clock)
    remaining.update(URL, {READS: "0"})
    clock.sleep(5)
    remaining.wait("GET", URL)
    assert clock.monotonic() == 5
    remaining.update(URL, {READS: "0"})
    remaining.update(URL, {READS: "200"})
    remaining.wait("GET", URL)
    assert clock.monotonic() == 5


class WatchingAdapter(HTTPAdapter):
    """Keeps the status of every response, including those that the adapter above it retries."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []

    def __enter__(self) -> "WatchingAdapter":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def send(self, *args: object, **options: object) -> requests.Response:
        response = super().send(*args, **options)
        self.statuses.append(response.status_code)
        return response


LIMITS = "https://management.azure.com/providers/Harness.Emulator/limits/few-reads"


@pytest.fixture
def network(emulator: Endpoint) -> Iterator[WatchingAdapter]:
    """An adapter to an emulator that accepts 60 reads of one group at once, and 12 more per second."""
    with (
        open_cloud("emulator", Settings(), cassettes=Path(), endpoint=emulator) as cloud,
        cloud.clients("limits") as clients,
    ):
        client, groups = clients.management(RestClient), clients.resources.resource_groups
        groups.create_or_update("few-reads-group", {"location": "eastus"})
        reads = {"reads": {"size": 60, "perSecond": 12}}
        client.send("PUT", LIMITS, body={"group": "few-reads-group", "requests": reads})
        with WatchingAdapter() as adapter:
            yield adapter
        client.send("DELETE", LIMITS)
        groups.begin_delete("few-reads-group").result()


def test_a_service_that_counts_requests_refuses_none_of_ours(emulator: Endpoint, network: WatchingAdapter) -> None:
    clock = SystemClock()
    paced = RetryAdapter(
        network,
        retry_policy=LOCAL,
        clock=clock,
        recent_writes=RecentWrites(clock),
        remaining=RemainingRequests(clock),
    )
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": emulator.proxy_url}, emulator.ca_path
        form = {
            "grant_type": "client_credentials",
            "client_id": emulator.client_id,
            "client_secret": emulator.client_secret,
            "resource": "https://management.azure.com/",
        }
        signed_in = session.post(f"https://login.microsoftonline.com/{emulator.tenant_id}/oauth2/token", data=form)
        session.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        session.mount("https://", paced)
        group = f"/subscriptions/{emulator.subscription_id}/resourceGroups/few-reads-group"
        address = f"https://management.azure.com{group}/providers/Microsoft.MachineLearningServices/workspaces"
        remaining = [int(session.get(address, params={"api-version": VERSION}).headers[READS]) for _ in range(100)]
    assert 429 not in network.statuses
    assert remaining[:2] == [59, 58]
