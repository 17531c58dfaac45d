"""The effect of each fault on a client, over real HTTP."""

import base64
import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.fileshare import ShareClient, ShareServiceClient

from harness.emulator.endpoint import Endpoint
from harness.emulator.faults.draws import Draw, draw, request_key
from tests.emulator.faults.conftest import SUBSCRIPTION, Plans

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
GROUP = f"{SUBSCRIPTION}/resourceGroups/faults"
LOCATION = {"location": "eastus"}


@pytest.fixture
def shares(endpoint: Endpoint) -> Iterator[ShareServiceClient]:
    """The newer storage SDK at the plain port, without retries."""
    with ShareServiceClient.from_connection_string(endpoint.connection_string, retry_total=0) as client:
        yield client


@pytest.fixture
def share(shares: ShareServiceClient) -> Iterator[ShareClient]:
    client = shares.create_share("faults")
    yield client
    client.delete_share()


def sign_in(endpoint: Endpoint, session: requests.Session) -> requests.Response:
    form = {"grant_type": "client_credentials", "client_id": endpoint.client_id}
    form |= {"client_secret": endpoint.client_secret, "resource": "https://management.azure.com/"}
    return session.post(f"https://login.microsoftonline.com/{endpoint.tenant_id}/oauth2/token", data=form)


def first_draw(method: str, url: str, fault: str, seed: int = 0) -> Draw:
    """The first draw of a request."""
    return draw(seed, fault, request_key(method, url.removeprefix("https://management.azure.com")), 0)


def test_resource_manager_throttles_with_a_retry_after(plans: Plans, management: requests.Session) -> None:
    plans.put({"throttle": {"rate": 1, "seconds": 1.5}})
    answer = management.get(SUBSCRIPTION)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "TooManyRequests")
    assert answer.headers["retry-after"] == "2"  # old clients accept only whole seconds
    modern = management.get(SUBSCRIPTION, headers={"User-Agent": "azsdk-python-mgmt-batchai/7.0.0"})
    assert modern.headers["retry-after"] == "1.5"


def test_the_sdk_retries_when_it_was_throttled(plans: Plans, resources: ResourceManagementClient) -> None:
    plans.put({"throttle": {"rate": 1, "times": 2, "seconds": 1}})

    assert list(resources.resource_groups.list()) is not None
    assert plans.strike_counts() == {"throttle": 2}


def test_the_sign_in_throttles_in_its_own_envelope(plans: Plans, endpoint: Endpoint, session: requests.Session) -> None:
    plans.put({"throttle": 1})
    answer = sign_in(endpoint, session)

    assert (answer.status_code, answer.json()["error_codes"]) == (429, [90055])
    assert answer.headers["retry-after"] == "1"


def test_storage_throttles_as_a_busy_server(plans: Plans, shares: ShareServiceClient) -> None:
    plans.put({"throttle": 1})
    with pytest.raises(HttpResponseError, match="Operations per second is over the account limit") as caught:
        shares.get_service_properties()

    assert (caught.value.status_code, caught.value.error_code) == (503, "ServerBusy")
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize("seed", range(4))
def test_a_request_to_an_unavailable_service_took_effect_or_did_not(
    plans: Plans, management: requests.Session, seed: int
) -> None:
    name = f"{GROUP}{seed}"
    plans.put({"unavailable": {"rate": 1, "times": 1}}, seed=seed)
    answer = management.put(name, json=LOCATION)
    result = first_draw("PUT", name, "unavailable", seed)
    code = (503, "ServiceUnavailable") if result.heads else (500, "InternalServerError")

    assert (answer.status_code, answer.json()["error"]["code"]) == code
    assert management.head(name).status_code == (204 if result.late else 404)


def test_storage_and_the_sign_in_are_unavailable_in_their_own_words(
    plans: Plans, shares: ShareServiceClient, endpoint: Endpoint, session: requests.Session
) -> None:
    plans.put({"unavailable": 1})
    errors = set()
    for number in range(40):  # a coin flip each: the random name of the account is in the URL
        with pytest.raises(HttpResponseError) as caught:
            shares.get_share_client(f"share{number}").get_share_properties()
        errors.add((caught.value.status_code, caught.value.error_code))
    signed_in = {
        (answer.status_code, answer.json()["error"]) for answer in (sign_in(endpoint, session) for _ in "12345678")
    }

    assert errors == {(500, "InternalError"), (503, "ServerBusy")}
    assert signed_in == {(500, "server_error"), (503, "temporarily_unavailable")}


@pytest.mark.parametrize("seed", range(4))
def test_a_dropped_request_took_effect_or_did_not(plans: Plans, management: requests.Session, seed: int) -> None:
    name = f"{GROUP}{seed + 10}"
    plans.put({"drop": {"rate": 1, "times": 1}}, seed=seed)
    with pytest.raises(BROKEN):
        management.put(name, json=LOCATION)

    assert management.head(name).status_code == (204 if first_draw("PUT", name, "drop", seed).late else 404)


def test_storage_drops_requests_at_the_plain_port_too(plans: Plans, endpoint: Endpoint) -> None:
    plans.put({"drop": 1})
    with pytest.raises(BROKEN, match=r"closed|aborted|reset"):
        requests.get(f"{endpoint.file_url}/{endpoint.storage_account}?comp=list", timeout=10)


def test_an_answer_is_cut_after_half_of_its_body(plans: Plans, management: requests.Session) -> None:
    content = management.get(SUBSCRIPTION).content
    plans.put({"cut": 1})
    cut = management.get(SUBSCRIPTION, stream=True)

    assert cut.headers["content-length"] == str(len(content))
    with pytest.raises(
        BROKEN, match=f"{len(content) // 2} bytes read, {len(content) - len(content) // 2} more expected"
    ):
        cut.content  # noqa: B018


def test_a_download_is_cut_in_the_middle(plans: Plans, share: ShareClient, endpoint: Endpoint) -> None:
    size = 5 << 20
    share.get_file_client("large").upload_file(b"x" * size)
    plans.put({"cut": {"rate": 1, "times": 1}}, scope={"share": "faults"})
    client = share.get_file_client("large")
    with pytest.raises(HttpResponseError):
        client.download_file(max_concurrency=1).readall()

    assert plans.strike_counts() == {"cut": 1}
    assert len(client.download_file().readall()) == size


def test_an_answer_without_a_body_is_not_sent_at_all_when_it_is_cut(plans: Plans, management: requests.Session) -> None:
    plans.put({"cut": {"rate": 1, "times": 1}})
    with pytest.raises(BROKEN):
        management.head(GROUP)


def test_a_slow_answer_comes_late_and_whole(plans: Plans, management: requests.Session) -> None:
    plans.put({"slow": {"rate": 1, "seconds": 0.3}})
    started = time.monotonic()

    assert management.get(SUBSCRIPTION).status_code == 200
    assert time.monotonic() - started >= 0.3


def test_a_token_that_expired_is_refused_from_then_on(
    plans: Plans, management: requests.Session, endpoint: Endpoint, session: requests.Session
) -> None:
    plans.put({"expired-token": {"rate": 1, "times": 1}})
    answers = [management.get(SUBSCRIPTION) for _ in range(2)]

    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {
        (401, "ExpiredAuthenticationToken")
    }
    challenge = answers[0].headers["www-authenticate"]
    assert 'error="insufficient_claims"' in challenge
    claims = json.loads(base64.b64decode(challenge.partition('claims="')[2].rstrip('"')))
    assert claims["access_token"]["nbf"]["essential"] is True
    management.headers["Authorization"] = f"Bearer {sign_in(endpoint, session).json()['access_token']}"
    assert management.get(SUBSCRIPTION).status_code == 200


def test_the_sdk_fetches_another_token(
    plans: Plans, resources: ResourceManagementClient, credential: ClientSecretCredential
) -> None:
    before = credential.get_token("https://management.azure.com/.default").token
    plans.put({"expired-token": {"rate": 1, "times": 1}})

    assert list(resources.resource_groups.list()) is not None
    assert plans.strike_counts() == {"expired-token": 1}
    assert credential.get_token("https://management.azure.com/.default").token != before


def test_a_client_without_a_token_gets_no_expiry_error(plans: Plans, session: requests.Session) -> None:
    plans.put({"expired-token": 1})
    answer = session.get(SUBSCRIPTION, params={"api-version": "2021-04-01"})

    assert answer.json()["error"]["code"] == "AuthenticationFailed"


def test_storage_with_a_clock_that_is_ahead_refuses_the_date_of_a_request(
    plans: Plans, shares: ShareServiceClient
) -> None:
    plans.put({"clock-skew": 1})
    with pytest.raises(HttpResponseError, match="Request date header too old") as caught:
        shares.get_service_properties()

    assert (caught.value.status_code, caught.value.error_code) == (403, "AuthenticationFailed")
    assert 1150 < parsedate_to_datetime(caught.value.response.headers["date"]).timestamp() - time.time() < 1250


def test_an_answer_has_one_date(plans: Plans, management: requests.Session) -> None:
    plans.put({"clock-skew": {"rate": 1, "times": 1, "seconds": 7200}})
    skewed, accurate = (management.get(SUBSCRIPTION) for _ in range(2))

    assert skewed.status_code == 401  # by the skewed clock the token expired an hour ago
    assert skewed.raw.headers.getlist("date") == [skewed.headers["date"]]
    difference = parsedate_to_datetime(skewed.headers["date"]) - parsedate_to_datetime(accurate.headers["date"])
    assert abs(difference.total_seconds() - 7200) < 30


def test_a_new_group_is_not_seen_for_a_while(plans: Plans, management: requests.Session) -> None:
    name = f"{GROUP}late"
    plans.put({"late-read": {"rate": 1, "seconds": 0.3}})
    started = time.monotonic()
    assert management.put(name, json=LOCATION).status_code == 201
    early = management.get(name)
    while management.head(name).status_code == 404:
        pass

    assert (early.status_code, early.json()["error"]["code"]) == (404, "ResourceGroupNotFound")
    assert time.monotonic() - started >= 0.3
    assert management.put(name, json=LOCATION).status_code == 200  # not a creation, so it is visible at once
    assert management.get(name).status_code == 200
    assert plans.strike_counts() == {"late-read": 1}


def test_a_new_cluster_is_not_seen_for_a_while(plans: Plans, management: requests.Session) -> None:
    name = f"{GROUP}late2"
    management.put(name, json=LOCATION)
    workspace = f"{name}/providers/Microsoft.BatchAI/workspaces/w"
    management.params = {"api-version": "2018-05-01"}
    management.put(workspace, json=LOCATION)
    plans.put({"late-read": {"rate": 1, "seconds": 60}})
    user = {"adminUserName": "u", "adminUserPassword": "p"}
    definition = {"properties": {"vmSize": "STANDARD_D1", "userAccountSettings": user}}
    assert management.put(f"{workspace}/clusters/c", json=definition).status_code == 202
    error = management.get(f"{workspace}/clusters/C").json()["error"]
    plans.clear()

    assert error == {
        "code": "ResourceNotFound",
        "message": "The Resource 'Microsoft.BatchAI/workspaces/w/clusters/C' under resource group 'faultslate2' was "
        "not found.",
    }
    assert management.get(f"{workspace}/clusters/c").status_code == 200


def test_a_new_share_and_a_new_file_are_not_seen_for_a_while(plans: Plans, shares: ShareServiceClient) -> None:
    plans.put({"late-read": {"rate": 1, "seconds": 60}})
    share = shares.create_share("faultslate")
    file = share.get_file_client("f")
    file.create_file(0)
    codes = []
    for read in (share.get_share_properties, file.get_file_properties):
        with pytest.raises(HttpResponseError) as caught:
            read()
        codes.append((caught.value.status_code, caught.value.error_code))
    plans.clear()

    assert codes == [(404, "ShareNotFound"), (404, "ResourceNotFound")]
    assert file.get_file_properties().size == 0
    share.delete_share()


def test_a_full_disk_takes_no_more_but_can_be_read_and_emptied(plans: Plans, share: ShareClient) -> None:
    file = share.get_file_client("f")
    file.upload_file(b"before")
    plans.put({"full-disk": 1})
    with pytest.raises(ResourceExistsError, match="the disk is full") as caught:
        file.upload_file(b"after")

    assert (caught.value.status_code, caught.value.error_code) == (409, "ShareSizeLimitReached")
    assert file.download_file().readall() == b"before"
    file.delete_file()


def test_everything_works_after_faults_have_struck(plans: Plans, management: requests.Session) -> None:
    plans.put({"throttle": 0.2, "unavailable": 0.2, "drop": 0.2, "cut": 0.2, "slow": {"rate": 0.2, "seconds": 0.01}})
    outcomes = set()
    for _ in range(60):
        try:
            outcomes.add(management.get(SUBSCRIPTION).status_code)
        except BROKEN as error:
            outcomes.add(type(error).__name__)
    plans.clear()

    assert {200, 429, 500, 503, "ChunkedEncodingError"} <= outcomes
    assert management.get(SUBSCRIPTION).status_code == 200


def test_the_sdk_survives_what_it_retries(plans: Plans, credential: ClientSecretCredential, endpoint: Endpoint) -> None:
    plans.put({"throttle": 0.1, "unavailable": 0.1, "drop": 0.1}, seed=5, scope={"group": "faultsretried"})
    retries = RetryPolicy(retry_backoff_factor=0.01, retry_total=10)
    proxies = {"https": endpoint.proxy_url}
    with ResourceManagementClient(
        credential, endpoint.subscription_id, proxies=proxies, connection_verify=endpoint.ca_path, retry_policy=retries
    ) as client:
        for _ in range(10):
            client.resource_groups.create_or_update("faultsretried", LOCATION)

    assert sum(plans.strike_counts().values()) > 0
