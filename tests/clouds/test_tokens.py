"""Expired tokens, with a service that rejects them without a challenge that the SDK handles."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline import Pipeline
from azure.core.rest import HttpRequest
from requests.adapters import BaseAdapter

from harness.clock import SteppingClock
from harness.clouds.retry_policy import LOCAL
from harness.clouds.sdk import ClockTransport
from harness.clouds.tokens import RenewableCredential, RenewingPolicy
from harness.recording.http_messages import rebuild_response
from harness.recording.interactions import RecordedResponse

URL = "https://management.azure.com/thing"


class Caching:
    """A credential that always returns its first token from a cache, as the libraries do."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self.token, 1 << 40)


class Service(BaseAdapter):
    """Accepts one token, and refuses every other with an error code."""

    def __init__(self, accepted: str, code: str) -> None:
        super().__init__()
        self.accepted, self.code = accepted, code
        self.tokens: list[str] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        self.tokens.append(token)
        if token == self.accepted:
            return rebuild_response(request, RecordedResponse(200, "OK", {}, b"{}"))
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"', "Content-Type": "application/json"}
        body = f'{{"error": {{"code": "{self.code}"}}}}'.encode()
        return rebuild_response(request, RecordedResponse(401, "Unauthorized", headers, body))

    def close(self) -> None:
        pass


Send = Callable[[], int]
Connect = Callable[[Service], Callable[[], Send]]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Create clients of a service; they share one credential, which returns a new token (t1, t2, ...) when renewed."""
    with requests.Session() as session:

        def to(service: Service) -> Callable[[], Send]:
            session.mount("https://", service)
            numbers = count(1)
            credential = RenewableCredential(lambda: Caching(f"t{next(numbers)}"))

            def client() -> Send:
                policy = RenewingPolicy(credential, "scope", retry_policy=LOCAL, clock=SteppingClock())
                pipeline = Pipeline(ClockTransport(session, SteppingClock()), [policy])
                return lambda: int(pipeline.run(HttpRequest("GET", URL)).http_response.status_code)

            return client

        yield to


def test_an_expired_token_is_replaced_until_one_is_taken(connect: Connect) -> None:
    service = Service("t4", "ExpiredAuthenticationToken")
    assert connect(service)()() == 200
    assert service.tokens == ["t1", "t2", "t3", "t4"]


def test_clients_share_the_new_token(connect: Connect) -> None:
    service = Service("t1", "ExpiredAuthenticationToken")
    client = connect(service)
    first, second = client(), client()
    assert (first(), second()) == (200, 200)
    service.accepted = "t2"
    assert (first(), second()) == (200, 200)
    assert service.tokens == ["t1", "t1", "t1", "t2", "t1", "t2"]


def test_a_token_that_is_wrong_is_replaced_once(connect: Connect) -> None:
    service = Service("none", "InvalidAuthenticationToken")
    assert connect(service)()() == 401
    assert service.tokens == ["t1", "t2"]


def test_an_expiry_that_never_ends_is_handed_on(connect: Connect) -> None:
    service = Service("none", "ExpiredAuthenticationToken")
    assert connect(service)()() == 401
    assert len(service.tokens) == LOCAL.tries + 1
