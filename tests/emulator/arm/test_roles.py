"""Several applications of one emulator: each can do what its roles permit in Resource Manager, and no more."""

from collections.abc import Iterator

import pytest
import requests

from harness import launch
from harness.emulator.endpoint import Endpoint

ARM = "https://management.azure.com"
DATA_PLANE = "https://eastus.api.azureml.ms"
PLAN = "/providers/harness.emulator/faults/slow"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    applications = ["reader=reader", "writer=contributor", "scientist=AzureML Data Scientist", "nobody=none"]
    with launch(tmp_path_factory.mktemp("team"), applications=applications) as running:
        yield running


class Member:
    """One application, which has signed in."""

    def __init__(self, team: Endpoint, name: str, session: requests.Session) -> None:
        own = team.applications[name]
        form = {"grant_type": "client_credentials", "client_id": own.client_id, "client_secret": own.client_secret}
        address = f"https://login.microsoftonline.com/{team.tenant_id}/oauth2/token"
        token = session.post(address, data={**form, "resource": f"{ARM}/"}).json()["access_token"]
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        address = path if path.startswith("https:") else f"{ARM}{path}"
        query = {"api-version": "2021-04-01"}
        return self._session.request(method, address, json=body, headers=self._headers, params=query)

    def refusal(self, method: str, path: str, body: object = None) -> str:
        """The message with which a request is refused, which must name the missing action."""
        response = self.send(method, path, body)
        assert response.status_code == 403, response.text
        assert response.json()["error"]["code"] == "AuthorizationFailed"
        message: str = response.json()["error"]["message"]
        return message


@pytest.fixture
def members(team: Endpoint) -> Iterator[dict[str, Member]]:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": team.proxy_url}, team.ca_path
        yield {name: Member(team, name, session) for name in team.applications}


@pytest.fixture
def group(team: Endpoint) -> str:
    return f"/subscriptions/{team.subscription_id}/resourceGroups/shared"


def test_a_contributor_makes_what_a_reader_sees_and_cannot_delete(members: dict[str, Member], group: str) -> None:
    assert members["writer"].send("PUT", group, {"location": "eastus"}).status_code in (200, 201)

    assert members["reader"].send("GET", group).status_code == 200
    assert "'Microsoft.Resources/subscriptions/resourceGroups/delete'" in members["reader"].refusal("DELETE", group)
    assert members["writer"].send("GET", group).status_code == 200


def test_who_has_no_role_sees_nothing(members: dict[str, Member], group: str) -> None:
    assert "resourceGroups/read" in members["nobody"].refusal("GET", group)
    assert "Microsoft.Resources/subscriptions/read" in members["nobody"].refusal("GET", group.partition("/resource")[0])


def test_a_reader_gets_no_keys(members: dict[str, Member], team: Endpoint) -> None:
    accounts = f"/subscriptions/{team.subscription_id}/providers/Microsoft.Storage/storageAccounts"
    account = members["reader"].send("GET", accounts).json()["value"][0]["id"]

    assert "storageAccounts/listKeys/action" in members["reader"].refusal("POST", f"{account}/listKeys")
    assert members["writer"].send("POST", f"{account}/listKeys").status_code == 200


def test_a_data_scientist_makes_jobs_and_no_computes(members: dict[str, Member], team: Endpoint) -> None:
    workspace = (
        f"/subscriptions/{team.subscription_id}/resourceGroups/{team.azureml_resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{team.azureml_workspace}"
    )
    create = f"{DATA_PLANE}/mlflow/v2.0{workspace}/api/2.0/mlflow/experiments/create"
    search = f"{DATA_PLANE}/mlflow/v2.0{workspace}/api/2.0/mlflow/experiments/search"

    assert "workspaces/computes/write" in members["scientist"].refusal("PUT", f"{workspace}/computes/c", {})
    assert members["scientist"].send("POST", create, {"name": "digits"}).status_code == 200
    assert members["reader"].send("POST", search, {}).status_code == 200
    assert "experiments/runs/write" in members["reader"].refusal("POST", create, {"name": "other"})


def test_a_reader_gets_no_token_of_a_run(members: dict[str, Member], team: Endpoint) -> None:
    """The token of a run permits writes in the workspace."""
    workspace = (
        f"/subscriptions/{team.subscription_id}/resourceGroups/{team.azureml_resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{team.azureml_workspace}"
    )
    token = f"{DATA_PLANE}/history/v1.0{workspace}/experiments/e/runs/r/token"

    assert "experiments/runs/write" in members["reader"].refusal("GET", token)


def test_a_reader_puts_no_fault_plan_in_force(members: dict[str, Member]) -> None:
    assert "harness.emulator/faults/write" in members["reader"].refusal("PUT", PLAN, {"faults": {}})
