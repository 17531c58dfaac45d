"""Re-authentication when a service rejects a cached token."""

from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy

from harness.clock import Clock
from harness.clouds.retry_policy import Failure, RetryPolicy

# The errors of Resource Manager, and of the data plane of Azure Machine Learning, for an expired token.
_EXPIRED = ("ExpiredAuthenticationToken", "token not provided or expired")


class RenewableCredential:
    """A credential that is replaced when its token is rejected, because its cache would return the same token.

    Args:
        make: creates a credential.
    """

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._credential = make()
        self._current = ""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token, from the cache while it is valid."""
        token = self._credential.get_token(*scopes, **options)
        self._current = token.token
        return token

    def invalidate(self, token: str) -> None:
        """Replace the credential of a rejected token, unless another client has already done so."""
        if token == self._current:
            self._credential = self._make()


class RenewingPolicy(BearerTokenCredentialPolicy[Any, Any]):
    """Authorizes requests, and retries them with a new token when a service rejects the token as expired.

    A token that is rejected for another reason is renewed once only, because the next one would be rejected, too.
    """

    def __init__(self, credential: RenewableCredential, scope: str, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        super().__init__(credential, scope)
        self._renewable = credential
        self._retry_policy = retry_policy
        self._clock = clock

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request with a token, and retry it after each renewal."""
        retries = self._retry_policy.retries(self._clock)
        response = super().send(request)
        is_renewable = _is_refused(response)
        while is_renewable and retries.wait(Failure.TOKEN_EXPIRED):
            self._renewable.invalidate(request.http_request.headers["Authorization"].removeprefix("Bearer "))
            self._token = None
            is_expired = _is_expired(response)
            response = super().send(request)
            is_renewable = is_expired and _is_refused(response)
        return response


def _is_refused(response: PipelineResponse[Any, Any]) -> bool:
    status, headers = response.http_response.status_code, response.http_response.headers
    # The data plane of Azure Machine Learning sends no challenge.
    return bool(status == 401 and ("WWW-Authenticate" in headers or _is_expired(response)))


def _is_expired(response: PipelineResponse[Any, Any]) -> bool:
    # A response to HEAD has no body, only a challenge.
    text, challenge = response.http_response.text(), response.http_response.headers.get("WWW-Authenticate", "")
    return any(word in text for word in _EXPIRED) or "insufficient_claims" in challenge
