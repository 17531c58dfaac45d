"""The adapter of every client: it retries requests according to the cloud's ``RetryPolicy``."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from harness.clock import Clock
from harness.clouds import clock_skew
from harness.clouds.recent_writes import RecentWrites
from harness.clouds.remaining_requests import RemainingRequests
from harness.clouds.retry_policy import Failure, Retries, RetryPolicy, is_transient
from harness.recording.http_messages import is_sign_in

_REFUSED = frozenset({401, 403})
_TRANSIENT_CODES = frozenset({"ShareBeingDeleted", "OperationTimedOut", "ServerBusy"})
_PROXY_REFUSES = "Tunnel connection failed: 4"  # the error when a proxy refuses to connect to the host
_Error = requests.RequestException | urllib3.exceptions.HTTPError


class NoAnswerError(requests.ConnectionError):
    """There is no response. The message names the host and the cause; it omits the URL, which may hold a signature."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The result of one attempt: a response or an error, and the reason for which a retry may help, if any."""

    response: requests.Response | None
    error: _Error | None
    failure: Failure | None


class RetryAdapter(BaseAdapter):
    """Sends requests through another adapter. A recording adapter keeps every attempt, so a replay repeats them.

    Args:
        real: the adapter that sends.
        retry_policy: the policy of the cloud.
        clock: the clock of the cloud, on which pauses pass.
        recent_writes: the recent writes of all clients of the cloud.
        remaining: the remaining requests of all clients of the cloud.
        has_ended: whether the cloud can never respond again.
        seed: the seed of the jitter; by default each adapter has a random one.
    """

    def __init__(
        self,
        real: BaseAdapter,
        *,
        retry_policy: RetryPolicy,
        clock: Clock,
        recent_writes: RecentWrites,
        remaining: RemainingRequests,
        has_ended: Callable[[], bool] = bool,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._real = real
        self._retry_policy = retry_policy
        self._clock = clock
        self._recent_writes = recent_writes
        self._remaining = remaining
        self._has_ended = has_ended
        self._random = random.Random(seed)  # noqa: S311 - spreads clients, guards nothing

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Return the first response that needs no retry, or the last one; its body is read unless it is streamed.

        Raises:
            NoAnswerError: there was no response.
        """
        retries = self._retry_policy.retries(self._clock, jitter=self._random.random)
        options["timeout"] = self._timeouts(options.get("timeout"))
        is_repeatable = isinstance(request.body, bytes | str | None)  # a stream cannot be sent twice
        while True:
            attempt = self._try(request, *args, **options)
            if attempt.failure is None or not is_repeatable or (attempt.response is None and self._has_ended()):
                return self._result(request, attempt, retries)
            retry_after = _retry_after(attempt.response) if attempt.response is not None else 0.0
            if not retries.wait(attempt.failure, retry_after=retry_after):
                return self._result(request, attempt, retries)
            if attempt.response is not None:
                attempt.response.close()

    def close(self) -> None:
        """Close the real adapter, and the connections that it would leave to the garbage collector.

        The errors of the SDKs are in reference cycles with responses, whose connections would stay open for long.
        """
        for pool in _pools(self._real):
            pool.close()
        self._real.close()

    def _try(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> _Attempt:
        method, url = request.method or "GET", request.url or ""
        self._remaining.wait(method, url)
        self._recent_writes.before_request(method, url)
        try:
            response = self._real.send(request, *args, **options)
            if not options.get("stream"):
                _read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return _Attempt(None, error, _failure_of(error))
        self._remaining.update(url, response.headers)
        if response.ok:
            self._recent_writes.after_success(method, url)
            return _Attempt(response, None, None)
        return _Attempt(response, None, self._failure(method, url, response))

    def _failure(self, method: str, url: str, response: requests.Response) -> Failure | None:
        if is_transient(response.status_code) or response.headers.get("x-ms-error-code") in _TRANSIENT_CODES:
            return Failure.BUSY
        if response.status_code == 404 and method in ("GET", "HEAD"):
            age = self._recent_writes.age(url)
            return Failure.NOT_VISIBLE_YET if age is not None and age <= self._retry_policy.visibility else None
        return Failure.CLOCK_SKEW if self._skew(url, response) else None

    def _skew(self, url: str, response: requests.Response) -> str:
        # A sign-in with a wrong secret is refused whatever the time is.
        if response.status_code not in _REFUSED or not self._retry_policy.checks_clock_skew or is_sign_in(url):
            return ""
        difference = clock_skew.skew(response.headers, self._clock.now())
        return clock_skew.explain(difference, urlsplit(url).netloc) if difference else ""

    def _result(self, request: requests.PreparedRequest, attempt: _Attempt, retries: Retries) -> requests.Response:
        url = request.url or ""
        host, after = urlsplit(url).netloc, f"given up after {retries.number} tries in {retries.elapsed:.1f} s"
        if attempt.response is None:
            after = "the emulator has ended" if self._has_ended() else after
            raise NoAnswerError(f"{host} gave no answer ({_reason(attempt.error)}); {after}") from None
        if attempt.failure is Failure.CLOCK_SKEW:
            attempt.response.close()
            raise NoAnswerError(f"{self._skew(url, attempt.response)}; {after}")
        return attempt.response

    def _timeouts(self, timeout: Any) -> tuple[float, float]:
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        longest = self._retry_policy
        return min(connect or longest.connect, longest.connect), min(read or longest.read, longest.read)


def _read(response: requests.Response) -> None:
    """Read the body inside the adapter: when an SDK reads it later, nothing retries a broken response."""
    try:
        _ = response.content
    except BaseException:
        response.close()
        raise


def _failure_of(error: _Error) -> Failure | None:
    causes = _causes(error)
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) or _PROXY_REFUSES in str(cause) for cause in causes):
        return None
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return Failure.UNREACHABLE
    is_ours = isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL)
    return None if is_ours else Failure.BUSY


def _pools(adapter: BaseAdapter) -> list[urllib3.HTTPConnectionPool]:
    """The open connection pools of an adapter."""
    if not isinstance(adapter, HTTPAdapter):
        return []
    managers = (adapter.poolmanager, *adapter.proxy_manager.values())
    return [manager.pools[key] for manager in managers for key in manager.pools.keys()]  # noqa: SIM118 - no mapping


def _causes(error: object) -> list[BaseException]:
    """An error and its causes: ``requests`` and ``urllib3`` wrap each other's errors in several ways."""
    causes: list[BaseException] = []
    while isinstance(error, BaseException) and error not in causes:
        causes.append(error)
        inner = [getattr(error, "reason", None), getattr(error, "original_error", None), *error.args]
        error = next((cause for cause in inner if isinstance(cause, BaseException)), None)
    return causes


def _reason(error: object) -> str:
    """The innermost cause; the messages of the outer ones contain URLs."""
    cause = _causes(error)[-1]
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _retry_after(response: requests.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0  # a date; the pauses of the policy reach it as well
