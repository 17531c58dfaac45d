"""Re-authentication when a service rejects a cached token."""

from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy

from harness.clock import Clock
from harness.clouds.retry_policy import Failure, RetryPolicy

# What Resource Manager, and the data plane of Azure Machine Learning, say of a token that has expired.
_EXPIRED = ("ExpiredAuthenticationToken", "token not provided or expired")


class RenewableCredential:
    """A credential that is made again when its token is refused; otherwise its cache would return the same token.

    Args:
        make: makes one.
    """

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._credential = make()
        self._current = ""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token, from the cache while it is good."""
        token = self._credential.get_token(*scopes, **options)
        self._current = token.token
        return token

    def refuse(self, token: str) -> None:
        """Note that a service has refused a token: the next one is new, unless another client has had it renewed."""
        if token == self._current:
            self._credential = self._make()


class RenewingPolicy(BearerTokenCredentialPolicy[Any, Any]):
    """Signs requests, and signs them again when the token has expired before its time.

    A token that is refused for another reason is renewed once: the next one would be refused for it too.
    """

    def __init__(self, credential: RenewableCredential, scope: str, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        super().__init__(credential, scope)
        self._renewable = credential
        self._retry_policy = retry_policy
        self._clock = clock

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request signed, again after each renewal."""
        retries = self._retry_policy.retries(self._clock)
        response = super().send(request)
        is_renewable = _is_refused(response)
        while is_renewable and retries.wait(Failure.TOKEN_EXPIRED):
            self._renewable.refuse(request.http_request.headers["Authorization"].removeprefix("Bearer "))
            self._token = None
            is_expired = _is_expired(response)
            response = super().send(request)
            is_renewable = is_expired and _is_refused(response)
        return response


def _is_refused(response: PipelineResponse[Any, Any]) -> bool:
    answer = response.http_response
    # The data plane of Azure Machine Learning sends no challenge.
    return bool(answer.status_code == 401 and ("WWW-Authenticate" in answer.headers or _is_expired(response)))


def _is_expired(response: PipelineResponse[Any, Any]) -> bool:
    answer = response.http_response
    # An answer to HEAD has no body; there the challenge alone shows it.
    text = answer.text()
    return any(word in text for word in _EXPIRED) or "insufficient_claims" in answer.headers.get("WWW-Authenticate", "")
