"""A client for the fault plans of a running emulator."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests

from harness.emulator.endpoint import Endpoint
from harness.emulator.owner import owner_token
from harness.errors import EmulatorError
from harness.fault_plans import ADDRESS

_PLANS = f"https://management.azure.com{ADDRESS}"
_TIMEOUT = 30.0  # seconds


class FaultPlans:
    """Puts plans in force, lists and ends them; ``fault_plans`` creates it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def put(self, name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Put a plan in force; returns the plan as the emulator shows it.

        Raises:
            EmulatorError: the emulator refuses the plan.
        """
        response: dict[str, Any] = self._send("PUT", f"/{quote(name, safe='')}", json=plan)
        return response

    def all(self) -> list[dict[str, Any]]:
        """Return all plans in force, with the number of times that each fault has struck."""
        return list(self._send("GET", "")["value"])

    def delete(self, name: str) -> None:
        """End the plan of a name, if there is one."""
        self._send("DELETE", f"/{quote(name, safe='')}")

    def _send(self, method: str, path: str, **body: Any) -> Any:
        response = self._session.request(method, _PLANS + path, timeout=_TIMEOUT, **body)
        if response.status_code >= 400:
            raise EmulatorError(response.json()["error"]["message"])
        return response.json() if response.content else None


def lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """Describe a plan in lines of text."""
    where = [f"{part} {name}" for part, name in plan.get("scope", {}).items()]
    yield f"{plan['name']}: seed {plan['seed']}, {' and '.join(where) or 'everywhere'}"
    for fault, rule in plan["faults"].items():
        limits = [f"{rule['rate']:g}"]
        limits += [f"{rule['times']} times at most"] if "times" in rule else []
        limits += [f"{rule['seconds']:g} s"] if "seconds" in rule else []
        yield f"  {fault:<13} {', '.join(limits)}; struck {plan['struck'][fault]}"


@contextmanager
def fault_plans(endpoint: Endpoint) -> Iterator[FaultPlans]:
    """Open the fault plans of an emulator.

    Raises:
        EmulatorError: the emulator serves storage alone.
    """
    if endpoint.only:
        raise EmulatorError(
            f"the emulator in {endpoint.directory} serves {endpoint.only} alone, and takes faults only at its start: "
            f"harness emulator start --only {endpoint.only} --fault throttle=0.3"
        )
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        session.headers["Authorization"] = f"Bearer {owner_token(endpoint)}"
        yield FaultPlans(session)
