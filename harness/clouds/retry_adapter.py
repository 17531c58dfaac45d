"""The adapter under every client: it repeats requests by the cloud's ``RetryPolicy``."""

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
from harness.clouds.retry_policy import Failure, Retries, RetryPolicy, is_passing
from harness.recording.http_messages import is_sign_in

_REFUSED = frozenset({401, 403})
_FOR_NOW = frozenset({"ShareBeingDeleted", "OperationTimedOut", "ServerBusy"})
_PROXY_REFUSES = "Tunnel connection failed: 4"  # the answer of a proxy that does not connect to the host
_Error = requests.RequestException | urllib3.exceptions.HTTPError


class NoAnswerError(requests.ConnectionError):
    """There is no answer. The message names the host and what happened, and no address, which may hold a signature."""


@dataclass(frozen=True, slots=True)
class _Try:
    """What came of a request: an answer or an error, and why it may be repeated."""

    answer: requests.Response | None
    error: _Error | None
    failure: Failure | None


class RetryAdapter(BaseAdapter):
    """Sends through another adapter; one that records keeps every try, so a replay sees them again.

    Args:
        real: sends.
        retry_policy: of the cloud.
        clock: of the cloud; pauses pass on it.
        recent_writes: of all clients of the cloud.
        remaining: the requests that they may still send.
        has_ended: whether nobody will ever answer again.
        seed: of the jitter of the pauses; by default each adapter has another.
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
        """The first answer that is to be believed, or the last one; it is read whole unless it is streamed.

        Raises:
            NoAnswerError: there was no answer.
        """
        retries = self._retry_policy.retries(self._clock, jitter=self._random.random)
        options["timeout"] = self._timeouts(options.get("timeout"))
        is_repeatable = isinstance(request.body, bytes | str | None)  # what was sent from a stream is gone
        while True:
            tried = self._try(request, *args, **options)
            if tried.failure is None or not is_repeatable or (tried.answer is None and self._has_ended()):
                return self._concluded(request, tried, retries)
            retry_after = _retry_after(tried.answer) if tried.answer is not None else 0.0
            if not retries.wait(tried.failure, retry_after=retry_after):
                return self._concluded(request, tried, retries)
            if tried.answer is not None:
                tried.answer.close()

    def close(self) -> None:
        """Close the real adapter, and the connections that it would leave to the garbage collector.

        The errors of the SDKs refer to answers, and to themselves: what they hold stays open for long.
        """
        for pool in _pools(self._real):
            pool.close()
        self._real.close()

    def _try(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> _Try:
        method, url = request.method or "GET", request.url or ""
        self._remaining.wait(method, url)
        self._recent_writes.sent(method, url)
        try:
            answer = self._real.send(request, *args, **options)
            if not options.get("stream"):
                _read(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return _Try(None, error, _failure_of(error))
        self._remaining.answered(url, answer.headers)
        if answer.ok:
            self._recent_writes.answered(method, url)
            return _Try(answer, None, None)
        return _Try(answer, None, self._failure(method, url, answer))

    def _failure(self, method: str, url: str, answer: requests.Response) -> Failure | None:
        if is_passing(answer.status_code) or answer.headers.get("x-ms-error-code") in _FOR_NOW:
            return Failure.BUSY
        if answer.status_code == 404 and method in ("GET", "HEAD"):
            age = self._recent_writes.age(url)
            return Failure.NOT_VISIBLE_YET if age is not None and age <= self._retry_policy.visibility else None
        return Failure.CLOCK_SKEW if self._skew(url, answer) else None

    def _skew(self, url: str, answer: requests.Response) -> str:
        # A wrong secret is wrong whatever the time is.
        if answer.status_code not in _REFUSED or not self._retry_policy.judges_clocks or is_sign_in(url):
            return ""
        difference = clock_skew.skew(answer.headers, self._clock.now())
        return clock_skew.explain(difference, urlsplit(url).netloc) if difference else ""

    def _concluded(self, request: requests.PreparedRequest, tried: _Try, retries: Retries) -> requests.Response:
        url = request.url or ""
        host, after = urlsplit(url).netloc, f"given up after {retries.number} tries in {retries.elapsed:.1f} s"
        if tried.answer is None:
            after = "the emulator that played it has ended" if self._has_ended() else after
            raise NoAnswerError(f"{host} gave no answer ({_reason(tried.error)}); {after}") from None
        if tried.failure is Failure.CLOCK_SKEW:
            tried.answer.close()
            raise NoAnswerError(f"{self._skew(url, tried.answer)}; {after}")
        return tried.answer

    def _timeouts(self, wanted: Any) -> tuple[float, float]:
        connect, read = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        longest = self._retry_policy
        return min(connect or longest.connect, longest.connect), min(read or longest.read, longest.read)


def _read(answer: requests.Response) -> None:
    """Read the body here: where the SDKs read it, nothing repeats the request."""
    try:
        _ = answer.content
    except BaseException:
        answer.close()
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
    """The pools of connections that an adapter has open."""
    if not isinstance(adapter, HTTPAdapter):
        return []
    managers = (adapter.poolmanager, *adapter.proxy_manager.values())
    return [manager.pools[key] for manager in managers for key in manager.pools.keys()]  # noqa: SIM118 - no mapping


def _causes(error: object) -> list[BaseException]:
    """An error, and what it was made from: ``requests`` and ``urllib3`` wrap each other's in different ways."""
    found: list[BaseException] = []
    while isinstance(error, BaseException) and error not in found:
        found.append(error)
        inner = [getattr(error, "reason", None), getattr(error, "original_error", None), *error.args]
        error = next((cause for cause in inner if isinstance(cause, BaseException)), None)
    return found


def _reason(error: object) -> str:
    """The innermost cause; those around it hold addresses."""
    cause = _causes(error)[-1]
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0  # a date; our own pauses reach it as well
