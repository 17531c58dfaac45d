"""The adapter under every client: it repeats requests by the cloud's ``RetryPolicy``."""

import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from harness.clock import Clock
from harness.clouds import clock_skew
from harness.clouds.recent_writes import RecentWrites
from harness.clouds.retry_policy import RetryPolicy, Trouble, is_passing
from harness.recording.http_messages import is_sign_in

_REFUSED = frozenset({401, 403})
_FOR_NOW = frozenset({"ShareBeingDeleted", "OperationTimedOut", "ServerBusy"})
_PROXY_REFUSES = "Tunnel connection failed: 4"  # the proxy's own answer: it does not go there
_Failure = requests.RequestException | urllib3.exceptions.HTTPError


class NoAnswerError(requests.ConnectionError):
    """No answer is to be had; it names the host and what happened, and no address: that may hold a signature."""


@dataclass(frozen=True, slots=True)
class _Try:
    """What came of a request: an answer or a failure, and whether it may be asked again."""

    answer: requests.Response | None
    failure: _Failure | None
    trouble: Trouble | None


class RetryAdapter(BaseAdapter):
    """Sends through another adapter; one that records keeps every try, so a replay sees them again.

    Args:
        real: sends.
        retry_policy: of the cloud.
        clock: of the cloud; pauses pass on it.
        recent_writes: of all clients of the cloud.
        seed: of the pauses' jitter; default another for each adapter.
    """

    def __init__(
        self,
        real: BaseAdapter,
        *,
        retry_policy: RetryPolicy,
        clock: Clock,
        recent_writes: RecentWrites,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._real = real
        self._retry_policy = retry_policy
        self._clock = clock
        self._recent_writes = recent_writes
        self._draws = random.Random(seed)  # noqa: S311 - spreads clients, guards nothing

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """The first answer that is to be believed, or the last there was; read whole unless it is streamed.

        Raises:
            NoAnswerError: there was none.
        """
        began, number = self._clock.monotonic(), 0
        options["timeout"] = self._timeouts(options.get("timeout"))
        while True:
            number += 1
            one = self._ask(request, *args, **options)
            elapsed = self._clock.monotonic() - began
            wait = self._wait(request, one, number, elapsed)
            if wait is None:
                return self._concluded(request, one, number, elapsed)
            if one.answer is not None:
                one.answer.close()
            self._clock.sleep(wait)

    def close(self) -> None:
        """Close the real adapter, and the connections that it would leave to the garbage collector.

        The errors of the SDKs refer to answers, and to themselves: what they hold stays open for long.
        """
        for pool in _pools(self._real):
            pool.close()
        self._real.close()

    def _ask(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> _Try:
        method, url = request.method or "GET", request.url or ""
        self._recent_writes.sent(method, url)
        try:
            answer = self._real.send(request, *args, **options)
            if not options.get("stream"):
                _read(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as failure:
            return _Try(None, failure, _trouble_of(failure))
        if answer.ok:
            self._recent_writes.answered(method, url)
            return _Try(answer, None, None)
        return _Try(answer, None, self._trouble(method, url, answer))

    def _trouble(self, method: str, url: str, answer: requests.Response) -> Trouble | None:
        if is_passing(answer.status_code) or answer.headers.get("x-ms-error-code") in _FOR_NOW:
            return Trouble.BUSY
        if answer.status_code == 404 and method in ("GET", "HEAD"):
            age = self._recent_writes.age(url)
            return Trouble.EARLY if age is not None and age <= self._retry_policy.grace else None
        return Trouble.SKEWED if self._skew(url, answer) else None

    def _skew(self, url: str, answer: requests.Response) -> str:
        # A wrong secret is wrong whatever the time is.
        if answer.status_code not in _REFUSED or not self._retry_policy.judges_clocks or is_sign_in(url):
            return ""
        difference = clock_skew.skew(answer.headers, self._clock.now())
        return clock_skew.told(difference, urlsplit(url).netloc) if difference else ""

    def _wait(self, request: requests.PreparedRequest, one: _Try, number: int, elapsed: float) -> float | None:
        # What was sent from a stream is gone.
        if one.trouble is None or not isinstance(request.body, bytes | str | None):
            return None
        told = _retry_after(one.answer) if one.answer is not None else 0.0
        return self._retry_policy.pause(
            one.trouble, number=number, elapsed=elapsed, told=told, draw=self._draws.random()
        )

    def _concluded(
        self, request: requests.PreparedRequest, one: _Try, number: int, elapsed: float
    ) -> requests.Response:
        url = request.url or ""
        host, after = urlsplit(url).netloc, f"given up after {number} tries in {elapsed:.1f} s"
        if one.answer is None:
            raise NoAnswerError(f"{host} gave no answer ({_reason(one.failure)}); {after}") from None
        if one.trouble is Trouble.SKEWED:
            one.answer.close()
            raise NoAnswerError(f"{self._skew(url, one.answer)}; {after}")
        return one.answer

    def _timeouts(self, asked: Any) -> tuple[float, float]:
        connect, read = asked if isinstance(asked, tuple) else (asked, asked)
        return min(connect or self._retry_policy.connect, self._retry_policy.connect), min(
            read or self._retry_policy.read, self._retry_policy.read
        )


def _read(answer: requests.Response) -> None:
    """Read the body here: the SDKs would do so where nothing asks again."""
    try:
        _ = answer.content
    except BaseException:
        answer.close()
        raise


def _trouble_of(failure: _Failure) -> Trouble | None:
    causes = _causes(failure)
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) or _PROXY_REFUSES in str(cause) for cause in causes):
        return None
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return Trouble.UNREACHABLE
    is_ours = isinstance(failure, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL)
    return None if is_ours else Trouble.BUSY


def _pools(adapter: BaseAdapter) -> list[urllib3.HTTPConnectionPool]:
    """The pools of connections that an adapter has open."""
    if not isinstance(adapter, HTTPAdapter):
        return []
    managers = (adapter.poolmanager, *adapter.proxy_manager.values())
    return [manager.pools[key] for manager in managers for key in manager.pools.keys()]  # noqa: SIM118 - no mapping


def _causes(failure: object) -> list[BaseException]:
    """A failure, and what it was made from: ``requests`` and ``urllib3`` wrap each other's in different ways."""
    found: list[BaseException] = []
    while isinstance(failure, BaseException) and failure not in found:
        found.append(failure)
        inner = [getattr(failure, "reason", None), getattr(failure, "original_error", None), *failure.args]
        failure = next((one for one in inner if isinstance(one, BaseException)), None)
    return found


def _reason(failure: object) -> str:
    """The innermost cause; those around it tell addresses."""
    cause = _causes(failure)[-1]
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0  # a date: our own pauses come to it as well
