"""Valid and invalid requests from Microsoft's API descriptions: none causes a server error.

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
    with sign_in(endpoint) as client:
        client.params = {}
        group = f"https://management.azure.com/subscriptions/{endpoint.subscription_id}/resourceGroups/{GROUP}"
        client.put(f"{group}?api-version=2018-05-01", json={"location": "eastus"}).raise_for_status()
        yield client


def operations() -> list[Any]:
    """The version, path and method of every operation."""
    parameters = []
    for version in VERSIONS:
        paths = json.loads((SPEC / version / "BatchAI.json").read_bytes())["paths"]
        parameters += [
            pytest.param((version, path, method), id=f"{version}-{operation['operationId']}")
            for path, methods in paths.items()
            for method, operation in methods.items()
        ]
    return parameters or [pytest.param(("", "", ""), id="none")]


@pytest.fixture(scope="module")
def described() -> Callable[[str], Any]:
    """The description of a version, read by schemathesis."""
    import schemathesis  # imported here because the import is slow

    return functools.cache(lambda version: schemathesis.openapi.from_path(str(SPEC / version / "BatchAI.json")))


def made_safe(value: Any) -> Any:
    """Replace generated commands, so that they do not run, and keep clusters small."""
    if isinstance(value, list):
        return [made_safe(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _make_safe(key, item) for key, item in value.items()}


def _make_safe(key: str, value: Any) -> Any:
    if key in ("commandLine", "mountCommand") and isinstance(value, str):
        return "true"
    if key.endswith("NodeCount") and isinstance(value, int) and value > 1:
        return 1
    return made_safe(value)


@pytest.mark.skipif(not VERSIONS, reason="Microsoft's API descriptions are not beside the repository (../shared)")
@pytest.mark.parametrize("target", operations())
def test_no_request_is_a_server_error(
    session: requests.Session, endpoint: Endpoint, described: Callable[[str], Any], target: tuple[str, str, str]
) -> None:
    from schemathesis.generation import GenerationMode

    version, path, method = target
    operation = described(version)[path][method]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.booleans()):  # otherwise most requests fail at the subscription
            case.path_parameters |= {"subscriptionId": endpoint.subscription_id, "resourceGroupName": GROUP}
            case.query = (case.query or {}) | {"api-version": version}
        case.body = made_safe(case.body)
        response = session.request(**case.as_transport_kwargs(base_url="https://management.azure.com"))
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400 and case.method != "HEAD":
            assert {"code", "message"} <= response.json()["error"].keys()

    check()
