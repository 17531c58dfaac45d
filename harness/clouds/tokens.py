"""Tokens that a service takes no longer: asked for anew, by a credential that remembers nothing of the old one."""

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy

from harness.clock import Clock
from harness.clouds.retry_policy import RetryPolicy

_EXPIRED = "ExpiredAuthenticationToken"


class RenewableCredential:
    """A credential that is made again when its token was refused: the libraries would give the same from their cache.

    Args:
        make: makes one.
    """

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._credential = make()
        self._given = ""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token, from the cache while it is good."""
        token = self._credential.get_token(*scopes, **options)
        self._given = token.token
        return token

    def refuse(self, token: str) -> None:
        """A service has refused a token; the next one is another, unless a client has asked for that already."""
        if token == self._given:
            self._credential = self._make()


class RenewingPolicy(BearerTokenCredentialPolicy[Any, Any]):
    """Signs requests, and signs them again when the token has expired before its time.

    A token that is refused for another reason is renewed once: what is wrong with it is wrong with the next.
    """

    def __init__(self, credential: RenewableCredential, scope: str, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        super().__init__(credential, scope)
        self._renewable = credential
        self._retry_policy = retry_policy
        self._clock = clock

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request signed, again after each renewal."""
        response = super().send(request)
        for pause in self._pauses(response):
            self._clock.sleep(pause)
            self._renewable.refuse(request.http_request.headers["Authorization"].removeprefix("Bearer "))
            self._token = None
            response = super().send(request)
            if not _is_refused(response):
                break
        return response

    def _pauses(self, response: PipelineResponse[Any, Any]) -> Iterator[float]:
        if _is_refused(response):
            yield 0.0
            if _is_expired(response):
                yield from repeat(self._retry_policy.first, self._retry_policy.tries - 1)


def _is_refused(response: PipelineResponse[Any, Any]) -> bool:
    answer = response.http_response
    return bool(answer.status_code == 401 and "WWW-Authenticate" in answer.headers)


def _is_expired(response: PipelineResponse[Any, Any]) -> bool:
    answer = response.http_response
    # An answer to HEAD has no body: there the challenge alone tells.
    return _EXPIRED in answer.text() or "insufficient_claims" in answer.headers["WWW-Authenticate"]
