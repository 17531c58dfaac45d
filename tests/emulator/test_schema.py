"""Requests made from Microsoft's own API descriptions, valid and not: no server error for any of them.

HARNESS_TEST_DOSE=full pytest tests/emulator/test_schema.py          # 200 requests an operation instead of 8
"""

import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint

SPEC = Path(__file__).parents[3] / "shared" / "reference" / "spec"
VERSIONS = sorted(path.name for path in SPEC.glob("20*"))
EXAMPLES = 200 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 8
GROUP = "schema"

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope="module")
def session(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    with sign_in(endpoint) as made:
        made.params = {}
        group = f"https://management.azure.com/subscriptions/{endpoint.subscription_id}/resourceGroups/{GROUP}"
        made.put(f"{group}?api-version=2018-05-01", json={"location": "eastus"}).raise_for_status()
        yield made


def operations() -> list[Any]:
    """Every operation of every version: version, path, method."""
    found = []
    for version in VERSIONS:
        paths = json.loads((SPEC / version / "BatchAI.json").read_bytes())["paths"]
        found += [
            pytest.param((version, path, method), id=f"{version}-{operation['operationId']}")
            for path, methods in paths.items()
            for method, operation in methods.items()
        ]
    return found or [pytest.param(("", "", ""), id="none")]


@pytest.fixture(scope="module")
def described() -> Callable[[str], Any]:
    """A version's description, as schemathesis reads it."""
    import schemathesis  # here, so that collecting the other tests does not wait for it

    return functools.cache(lambda version: schemathesis.openapi.from_path(str(SPEC / version / "BatchAI.json")))


def tamed(value: Any) -> Any:
    """Commands that were made up do not run, and clusters stay small."""
    if isinstance(value, list):
        return [tamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _tame(key, item) for key, item in value.items()}


def _tame(key: str, value: Any) -> Any:
    if key in ("commandLine", "mountCommand") and isinstance(value, str):
        return "true"
    if key.endswith("NodeCount") and isinstance(value, int) and value > 1:
        return 1
    return tamed(value)


@pytest.mark.skipif(not VERSIONS, reason="Microsoft's API descriptions are not beside the repository (../shared)")
@pytest.mark.parametrize("place", operations())
def test_no_request_is_a_server_error(
    session: requests.Session, endpoint: Endpoint, described: Callable[[str], Any], place: tuple[str, str, str]
) -> None:
    from schemathesis.generation import GenerationMode

    version, path, method = place
    operation = described(version)[path][method]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.booleans()):  # else the call mostly ends at the subscription
            case.path_parameters |= {"subscriptionId": endpoint.subscription_id, "resourceGroupName": GROUP}
            case.query = (case.query or {}) | {"api-version": version}
        case.body = tamed(case.body)
        answer = session.request(**case.as_transport_kwargs(base_url="https://management.azure.com"))
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400 and case.method != "HEAD":
            assert {"code", "message"} <= answer.json()["error"].keys()

    ask()
