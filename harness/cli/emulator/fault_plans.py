"""The fault plans of a running emulator, over the emulator's own operation."""

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
_SECONDS = 30.0  # for an answer


class FaultPlans:
    """Puts plans in force, lists and ends them; made by ``fault_plans``."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def put(self, name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Put a plan in force; as it is shown.

        Raises:
            EmulatorError: the emulator does not take it.
        """
        shown: dict[str, Any] = self._send("PUT", f"/{quote(name, safe='')}", json=plan)
        return shown

    def all(self) -> list[dict[str, Any]]:
        """All that are in force, with how often each of their faults has struck."""
        return list(self._send("GET", "")["value"])

    def delete(self, name: str) -> None:
        """End a plan, if there is one of that name."""
        self._send("DELETE", f"/{quote(name, safe='')}")

    def _send(self, method: str, path: str, **body: Any) -> Any:
        answer = self._session.request(method, _PLANS + path, timeout=_SECONDS, **body)
        if answer.status_code >= 400:
            raise EmulatorError(answer.json()["error"]["message"])
        return answer.json() if answer.content else None


def lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """A plan as people read it."""
    where = [f"{part} {name}" for part, name in plan.get("scope", {}).items()]
    yield f"{plan['name']}: seed {plan['seed']}, {' and '.join(where) or 'everywhere'}"
    for fault, rule in plan["faults"].items():
        terms = [f"{rule['rate']:g}"]
        terms += [f"{rule['times']} times at most"] if "times" in rule else []
        terms += [f"{rule['seconds']:g} s"] if "seconds" in rule else []
        yield f"  {fault:<13} {', '.join(terms)}; struck {plan['struck'][fault]}"


@contextmanager
def fault_plans(endpoint: Endpoint) -> Iterator[FaultPlans]:
    """The plans of an emulator.

    Raises:
        EmulatorError: it serves storage alone.
    """
    if endpoint.only:
        raise EmulatorError(
            f"the emulator in {endpoint.directory} serves {endpoint.only} alone, and learns of faults when it starts: "
            f"harness emulator start --only {endpoint.only} --fault throttle=0.3"
        )
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        session.headers["Authorization"] = f"Bearer {owner_token(endpoint)}"
        yield FaultPlans(session)
