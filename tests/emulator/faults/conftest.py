from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from harness.emulator.endpoint import Endpoint

PLANS = "https://management.azure.com/providers/Harness.Emulator/faults"
SUBSCRIPTION = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000"


class Plans:
    """The fault plans of the emulator, through a plain HTTP client."""

    def __init__(self, session: requests.Session) -> None:
        self.session = session  # it brings its token

    def put(self, faults: dict[str, Any], *, name: str = "test", **rest: Any) -> dict[str, Any]:
        answer = self.session.put(f"{PLANS}/{name}", json={"faults": faults, **rest})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def strike_counts(self, name: str = "test") -> dict[str, int]:
        counts: dict[str, int] = self.session.get(f"{PLANS}/{name}").json()["struck"]
        return counts

    def clear(self) -> None:
        for plan in self.session.get(PLANS).json()["value"]:
            self.session.delete(f"{PLANS}/{plan['name']}").raise_for_status()


@pytest.fixture
def management(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    """A plain HTTP session for Resource Manager, with its own token and without retries."""
    with sign_in(endpoint) as session:
        session.params = {"api-version": "2021-04-01"}
        yield session


@pytest.fixture
def plans(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[Plans]:
    with sign_in(endpoint) as session:
        fault_plans = Plans(session)
        yield fault_plans
        fault_plans.clear()
