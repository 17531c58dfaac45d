"""Recorded sessions of the service, played against the emulator: same statuses, same members, same kinds of values.

Values differ by nature (names, times, keys), and so do the members that later API versions added. Every other
difference is listed in ``INTENDED_DIFFERENCES``, with its reason.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.azureml.conftest import Group

SHARED = Path(__file__).parents[4] / "shared" / "reference" / "azureml" / "recordings"
WORKSPACE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/?]+",
    re.IGNORECASE,
)
SESSIONS = ("datastore.blob", "datastore.file_share", "environment.autoincrement", "environment.docker",
            "environment.image_and_conda", "code.start_pending_upload", "compute.aml_create_update_delete",
            "command.register_output", "command.invalid_datastore", "command.with_dataset")  # fmt: skip

# Intended differences: the end of a path in a response, and the reason.
INTENDED_DIFFERENCES = {
    "systemData.createdBy": "the first datastores have no author here, as in most recordings",
    "systemData.createdByType": "the same",
    "systemData.lastModifiedBy": "the same",
    "systemData.lastModifiedByType": "the same",
    "properties.serviceDataAccessAuthIdentity": "a word in both",
    "properties.computeLocation": "shown from the start here; the service shows it once the compute exists",
    "properties.resourceId": "the service shows the Batch AI cluster behind a compute for a moment",
    "properties.properties.propertyBag": "internal settings of the service",
    "properties.properties.userAccountCredentials": "shown from the start here",
    "properties.subscriptionId": "added by later API versions",
    "properties.resourceGroup": "added by later API versions",
    "properties.componentId": "the jobs of a component, which the emulator does not have",
    "properties.autoRebuild": "later API versions left it out",
    "properties.provisioningState": "added by later API versions",
    "properties.properties.ProcessInfoFile": "a file of the service's own runtime",
    "properties.properties.ProcessStatusFile": "the same",
    "properties.tags._aml_system_ComputeTargetStatus": "shown while a job waits, and here it does not",
}


def exchanges(name: str) -> list[dict[str, Any]]:
    recording: list[dict[str, Any]] = json.loads((SHARED / f"{name}.json").read_text(encoding="utf-8"))
    in_workspace = [
        exchange
        for exchange in recording
        if WORKSPACE.search(exchange["url"]) and "management.azure.com" in exchange["url"]
    ]
    # The emulator does not play components.
    return [exchange for exchange in in_workspace if "/components/" not in exchange["url"]]


def is_intended(path: str) -> bool:
    return path in INTENDED_DIFFERENCES or path.endswith(tuple(f".{suffix}" for suffix in INTENDED_DIFFERENCES))


def differences(recorded: Any, emulated: Any, path: str = "") -> Iterator[str]:
    """The paths at which a response lacks a member, or has a value of another type."""
    if (
        recorded is None
        or path in INTENDED_DIFFERENCES
        or any(path.endswith(f".{suffix}") for suffix in INTENDED_DIFFERENCES)
    ):
        return
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        for name, value in recorded.items():
            below = f"{path}.{name}" if path else name
            if name not in emulated:
                if value is not None and below not in INTENDED_DIFFERENCES:
                    yield f"{below} is missing"
            else:
                yield from differences(value, emulated[name], below)
    elif isinstance(recorded, list) and isinstance(emulated, list):
        for recorded_item, emulated_item in zip(recorded[:1], emulated[:1], strict=False):
            yield from differences(recorded_item, emulated_item, f"{path}[]")
    elif emulated is not None and type(recorded) is not type(emulated):
        yield f"{path} is {type(emulated).__name__}, not {type(recorded).__name__}"


def with_workspace(text: str, workspace: str) -> str:
    """A url or a body with the test's own workspace in place of the recorded one."""
    return WORKSPACE.sub(workspace, text)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="Microsoft's recordings are not beside the repository")
@pytest.mark.parametrize("name", SESSIONS)
def test_a_recorded_session_has_the_same_answers(name: str, group: Group, make_workspace: Callable[[], str]) -> None:
    workspace = make_workspace()
    computes = {"testCompute", "cpu-cluster"}
    for exchange in exchanges(name):
        computes |= set(re.findall(r"/computes/([\w-]+)\"", json.dumps(exchange["request_body"])))
    if name.startswith("command"):
        for compute in computes:
            scale = {"minNodeCount": 0, "maxNodeCount": 4}
            amlcompute = {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": {
                "vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}}}  # fmt: skip
            group.finish(group.send("PUT", f"{workspace}/computes/{compute}", amlcompute))

    problems: list[str] = []
    for number, exchange in enumerate(exchanges(name)):
        body = (
            json.loads(with_workspace(json.dumps(exchange["request_body"]), workspace))
            if exchange["request_body"]
            else None
        )
        response = group.send(exchange["method"], with_workspace(exchange["url"], workspace), body)
        label = f"{number} {exchange['method']} {exchange['url'].split('?')[0].rpartition('/workspaces/')[2]}"
        if response.status_code != exchange["status"]:
            problems.append(f"{label}: {response.status_code}, not {exchange['status']}: {response.text[:200]}")
        elif exchange["response_body"] and response.content:
            problems += [f"{label}: {line}" for line in differences(exchange["response_body"], response.json())]
        if "azure-asyncoperation" in response.headers:
            group.finish(response)

    assert problems == []
