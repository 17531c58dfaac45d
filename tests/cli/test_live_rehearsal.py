"""``harness run --cloud azure`` as a whole: the live code, credentials and clients, with an emulator in place of Azure.

Only ``HTTPS_PROXY`` and a CA lead to the emulator: the run does not know about it. Only its polls are faster.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.cli import main
from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.services.azureml.rest_client import RestClient

Write = Callable[..., Path]
Left = Callable[[], list[str]]
Run = Callable[..., tuple[int, str]]
Limit = Callable[..., None]
MANAGEMENT = "https://management.azure.com"
WORKSPACES = "providers/Microsoft.MachineLearningServices/workspaces"
QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"
KEYLESS = "keylessworkspace"


@pytest.fixture
def live(project: Path, emulator: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a user with a subscription, and a network that leads to the emulator."""
    del project  # which removes the settings of the environment
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    settings = {
        "HARNESS_TENANT_ID": emulator.tenant_id,
        "HARNESS_CLIENT_ID": emulator.client_id,
        "HARNESS_CLIENT_SECRET": emulator.client_secret,
        "HARNESS_SUBSCRIPTION_ID": emulator.subscription_id,
        "HARNESS_STORAGE_ACCOUNT": emulator.storage_account,
        "HARNESS_STORAGE_KEY": emulator.storage_key,
        "HARNESS_MAX_PRICE": "1",
        "HTTPS_PROXY": emulator.proxy_url,
        "https_proxy": emulator.proxy_url,
        "NO_PROXY": "",
        "no_proxy": "",
        "REQUESTS_CA_BUNDLE": str(emulator.ca_path),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("harness.clouds.azure._POLL_SECONDS", 0.05)


@pytest.fixture
def run(live: None, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process: exit code and all output."""

    def run_it(command: str, *words: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main([command, "--cloud", "azure", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run_it


@pytest.fixture
def limit(emulator: Endpoint, tmp_path: Path) -> Iterator[Limit]:
    """Return a function that limits the subscription, in one region or group, until the test ends."""
    names: list[str] = []

    def send(method: str, name: str, body: Any = None) -> None:
        with (
            open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
            cloud.clients("limits") as clients,
        ):
            address = f"{MANAGEMENT}/providers/Harness.Emulator/limits/{name}"
            clients.management(RestClient).send(method, address, body=body)

    def set_it(name: str, **body: Any) -> None:
        names.append(name)
        send("PUT", name, body)

    yield set_it
    for name in names:
        send("DELETE", name)


@pytest.fixture
def left(emulator: Endpoint, tmp_path: Path, left_in_workspaces: Left) -> Left:
    """Return a function that lists the resource groups of runs, and what is in workspaces."""

    def list_it() -> list[str]:
        with (
            open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
            cloud.clients("look") as clients,
        ):
            groups = [group.name for group in clients.resources.resource_groups.list() if group.name.endswith("group")]
        return groups + left_in_workspaces()

    return list_it


def test_a_whole_run_leaves_its_outcome_and_nothing_else(run: Run, scenario: Write, left: Left) -> None:
    code, out = run("run", scenario(limits="limits: {queued: PT5M, running: PT5M}"), "--out", "here")
    assert code == 0, out
    outcome = json.loads(Path("here/outcomes.jsonl").read_text())
    assert (outcome["cloud"], outcome["service"], outcome["state"]) == ("azure", "azureml", "succeeded")
    assert "VM size STANDARD_NC6 is retired on 31 August 2023; Standard_NC4as_T4_v3 is used instead" in out
    assert left() == []
    code, out = run("reap", "--dry-run")
    assert (code, "nothing is left behind" in out) == (0, True)


@pytest.mark.slow  # trains for a minute
def test_the_quickstart_itself_is_rehearsed(run: Run, left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("HARNESS_MAX_PRICE", "20")
    code, out = run("run", QUICKSTART, "--out", "here")
    assert code == 0, out
    outcome = json.loads(Path("here/outcomes.jsonl").read_text())
    assert (outcome["cloud"], outcome["service"], outcome["state"]) == ("azure", "azureml", "succeeded")
    assert outcome["files"]["MODEL"][-1] == "ConvNet_MNIST_5.dnn"
    assert Path("here/default/MODEL/ConvNet_MNIST_5.dnn").stat().st_size > 0
    assert left() == []


def test_a_dry_run_says_the_price_of_the_size_that_is_used(run: Run, scenario: Write) -> None:
    code, out = run("run", scenario(limits="limits: {queued: PT30M, running: PT30M}"), "--dry-run")
    assert code == 0
    assert "3.00 node-hours if every limit is reached, which cost 1.58 at 0.526 each" in out


def run_refused(run: Run, scenario: Path, left: Left) -> str:
    """Run a scenario that is refused; returns the error, and checks that nothing is left."""
    code, out = run("run", scenario)
    assert code == 1, out
    assert "Traceback" not in out
    assert left() == []
    errors = [line for line in out.splitlines() if line.startswith("harness: ")]
    assert len(errors) == 1, out
    return errors[0]


LIMITS = "limits: {queued: PT5M, running: PT5M}"


def test_a_family_without_quota_is_named_before_anything_is_created(
    run: Run, scenario: Write, limit: Limit, left: Left
) -> None:
    limit("none-of-it", location="westus2", quotas={"standardNCASv3_T4Family": 0})
    path = scenario(resource_group="location: westus2\nresource_group: quotagroup", limits=LIMITS)
    error = run_refused(run, path, left)
    assert "the quota of westus2 does not allow compute c: " in error
    assert "NCASv3_T4 Family Cluster Dedicated vCPUs: 8 needed, 0 of 0 free" in error


def test_a_region_without_the_size_is_named_before_anything_is_created(
    run: Run, scenario: Write, limit: Limit, left: Left
) -> None:
    limit("no-t4", location="northeurope", missingSizes=["Standard_NC4as_T4_v3"])
    path = scenario(resource_group="location: northeurope\nresource_group: sizegroup", limits=LIMITS)
    error = run_refused(run, path, left)
    assert "region northeurope does not offer VM size Standard_NC4as_T4_v3 for computes" in error


def test_an_unknown_size_is_named_with_the_nearest(
    run: Run, scenario: Write, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_VM_PRICE", "1")
    path = scenario(cluster="cluster: {name: c, nodes: 2, vm_size: Standard_NC4as_T4_v33}", limits=LIMITS)
    error = run_refused(run, path, left)
    assert "region eastus does not offer VM size Standard_NC4as_T4_v33" in error
    assert "Standard_NC4as_T4_v3" in error


@pytest.mark.parametrize("code", ["RequestDisallowedByPolicy", "KeyBasedAuthenticationNotPermitted"])
def test_a_policy_against_account_keys_is_explained_and_everything_is_deleted(
    run: Run, scenario: Write, limit: Limit, left: Left, code: str
) -> None:
    limit("no-keys", group="keygroup", refusedKeys=code)
    path = scenario(resource_group="resource_group: keygroup", limits=LIMITS)
    error = run_refused(run, path, left)
    assert "cannot create a datastore for share shortshare" in error
    assert "a policy forbids account keys" in error
    assert "allow shared key access for the storage account, or exempt it from the policy" in error


IN_CONTAINERS = """\
scenario: keyless
resource_group: keylessgroup
containers: [{name: keylessdata, mount: data, upload: [{file: train.sh}]}]
cluster: {name: c, nodes: 1}
job:
  name: j
  toolkit: customToolkit
  command: sh $AZ_BATCHAI_INPUT_S/train.sh 0.5 0 0
  inputs: {S: $AZ_BATCHAI_MOUNT_ROOT/data}
  outputs: {MODEL: {prefix: $AZ_BATCHAI_MOUNT_ROOT/data, suffix: m}}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/data
azureml: {identity: user}
metrics: {score: {file: stdout.txt, pattern: 'score = ([0-9.]+)'}}
expect: {state: succeeded, metrics: {score: {min: 0.5, max: 0.5}}, files: {MODEL: ['*.txt']}}
limits: {queued: PT5M, running: PT5M}
"""


@pytest.fixture
def keyless(live: None, emulator: Endpoint, limit: Limit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing workspace in a group whose policy forbids account keys; the settings have no key."""
    group = f"/subscriptions/{emulator.subscription_id}/resourceGroups/{KEYLESS}"
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("before") as clients,
    ):
        client = clients.management(RestClient)
        clients.resources.resource_groups.create_or_update(KEYLESS, {"location": "eastus"})
        first = f"{group.rpartition('/')[0]}/{emulator.azureml_resource_group}/{WORKSPACES}/azureml"
        existing = client.get(first)["properties"]
        names = ("storageAccount", "keyVault", "applicationInsights")
        body = {"location": "eastus", "properties": {name: existing[name] for name in names}}
        response = client.send("PUT", f"{group}/{WORKSPACES}/{KEYLESS}", body=body)
        client.finish(response, clients.poller, action="make", deadline=60)
    limit("keyless", group=KEYLESS, refusedKeys="RequestDisallowedByPolicy")
    monkeypatch.delenv("HARNESS_STORAGE_KEY")
    monkeypatch.setenv("HARNESS_STORAGE_AUTH", "identity")
    monkeypatch.setenv("HARNESS_AZUREML_RESOURCE_GROUP", KEYLESS)
    monkeypatch.setenv("HARNESS_AZUREML_WORKSPACE", KEYLESS)


@pytest.fixture
def delete_keyless(emulator: Endpoint, tmp_path: Path) -> Iterator[None]:
    """Delete the workspace at the end."""
    yield
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("after") as clients,
    ):
        client = clients.management(RestClient)
        identifier = f"/subscriptions/{emulator.subscription_id}/resourceGroups/{KEYLESS}/{WORKSPACES}/{KEYLESS}"
        response = client.send("DELETE", identifier, forceToPurge="true")
        client.finish(response, clients.poller, action="delete", deadline=60)
        clients.resources.resource_groups.begin_delete(KEYLESS).result()


@pytest.mark.usefixtures("delete_keyless", "keyless")
def test_without_account_keys_containers_serve_with_the_rights_of_the_user_who_signed_in(
    run: Run, scenario: Write, left: Left
) -> None:
    path = scenario()
    path.write_text(IN_CONTAINERS)
    before = left()
    code, out = run("run", path, "--out", "here")
    assert code == 0, out
    outcome = json.loads(Path("here/outcomes.jsonl").read_text())
    assert (outcome["state"], outcome["metrics"]) == ("succeeded", {"score": 0.5})
    assert sorted(outcome["files"]["MODEL"]) == ["net_1.txt", "net_10.txt", "net_2.txt"]
    assert left() == before
    code, out = run("reap", "--dry-run")
    assert (code, "nothing is left behind" in out) == (0, True), out


@pytest.mark.usefixtures("delete_keyless", "keyless")
def test_without_account_keys_a_share_is_refused_before_anything_is_created(
    run: Run, scenario: Write, left: Left
) -> None:
    path, before = scenario(limits=LIMITS), left()
    code, out = run("run", path)
    assert code == 1
    assert "storage_auth is identity, but nodes need the account's key to mount file shares (shortshare)" in out
    assert left() == before


@pytest.mark.usefixtures("live")
def test_without_account_keys_there_is_no_batch_ai(run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STORAGE_AUTH", "identity")
    monkeypatch.setenv("HARNESS_ADMIN_USER", "me")
    monkeypatch.setenv("HARNESS_ADMIN_PASSWORD", "not a real password")
    code, out = run("run", scenario(limits=LIMITS), "--service", "batchai")
    assert code == 1
    assert "storage_auth is identity, but nodes of Batch AI need the account's key to mount storage (shortshare)" in out


def test_a_workspace_that_was_deleted_and_keeps_its_name_is_explained_and_everything_is_deleted(
    run: Run, scenario: Write, emulator: Endpoint, tmp_path: Path, left: Left
) -> None:
    first = emulator.azureml_resource_group
    subscription = f"/subscriptions/{emulator.subscription_id}/resourceGroups"
    name = "short-c"
    identifier = f"{subscription}/softgroup/providers/Microsoft.MachineLearningServices/workspaces/{name}"
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("before") as clients,
    ):
        client = clients.management(RestClient)
        existing = client.get(f"{subscription}/{first}/providers/Microsoft.MachineLearningServices/workspaces/azureml")[
            "properties"
        ]
        clients.resources.resource_groups.create_or_update("softgroup", {"location": "eastus"})
        names = ("storageAccount", "keyVault", "applicationInsights")
        body = {"location": "eastus", "properties": {name: existing[name] for name in names}}
        client.finish(client.send("PUT", identifier, body=body), clients.poller, action="make", deadline=60)
        client.finish(client.send("DELETE", identifier), clients.poller, action="delete", deadline=60)
        clients.resources.resource_groups.begin_delete("softgroup").result()
    path = scenario(resource_group="resource_group: softgroup", limits=LIMITS)
    error = run_refused(run, path, left)
    assert f"workspace {name} in resource group softgroup was deleted less than 14 days ago and keeps its name" in error
    assert "az ml workspace delete --name short-c --resource-group softgroup --permanently-delete" in error


def test_a_wrong_secret_is_one_sentence(run: Run, scenario: Write, left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CLIENT_SECRET", "not the secret")
    code, out = run("run", scenario(limits=LIMITS))
    assert code == 1
    assert "sign-in was refused" in out
    assert "not the secret" not in out
    monkeypatch.undo()
    assert left() == []


def test_a_budget_that_is_too_small_sends_no_request(
    run: Run, scenario: Write, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_MAX_PRICE", "0.01")
    monkeypatch.setattr(requests.Session, "send", pytest.fail)
    code, out = run("run", scenario(limits=LIMITS))
    assert code == 1
    assert "max_price is 0.01, and a node-hour of Standard_NC4as_T4_v3 costs 0.526" in out
