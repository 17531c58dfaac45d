"""The emulator's operations on fault plans, their scope, and their persistence."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.option_texts import parse_faults
from harness.emulator.options import Options
from tests.emulator.faults.conftest import PLANS, SUBSCRIPTION, Plans


def test_a_plan_is_shown_with_what_it_struck(plans: Plans, management: requests.Session) -> None:
    shown = plans.put({"throttle": 1, "preempt": {"rate": 1, "times": 1}}, seed=7, scope={"group": "g"})
    management.get(f"{SUBSCRIPTION}/resourceGroups/g")
    listing = plans.session.get(PLANS).json()

    assert shown == {
        "name": "test",
        "seed": 7,
        "faults": {"throttle": {"rate": 1}, "preempt": {"rate": 1, "times": 1}},
        "scope": {"group": "g"},
        "struck": {"throttle": 0, "preempt": 0},
    }
    assert listing == {"value": [shown | {"struck": {"throttle": 1, "preempt": 0}}]}


def test_the_shown_form_of_a_plan_is_taken_back(plans: Plans) -> None:
    shown = plans.put({"drop": {"rate": 0.5, "times": 3}})

    assert plans.session.put(f"{PLANS}/test", json=shown).json() == shown


def test_a_deletion_reports_whether_there_was_a_plan(plans: Plans) -> None:
    plans.put({"drop": 1})

    assert [plans.session.delete(f"{PLANS}/test").status_code for _ in range(2)] == [200, 204]
    answer = plans.session.get(f"{PLANS}/test")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "FaultPlanNotFound")


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("{", "InvalidRequestContent", "could not be deserialized"),
        ("[]", "InvalidRequestContent", "must be a JSON object"),
        (
            '{"faults": {"thrtle": 1}}',
            "InvalidFaultPlan",
            "there is no fault 'thrtle'; did you mean 'throttle'?",
        ),
        ('{"faults": {"drop": 2}}', "InvalidFaultPlan", "the rate of drop must be a number from 0 to 1, not 2"),
    ],
)
def test_a_wrong_plan_is_refused_in_resource_managers_envelope(plans: Plans, body: str, code: str, text: str) -> None:
    answer = plans.session.put(f"{PLANS}/test", data=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert text in answer.json()["error"]["message"]


def test_plans_need_a_token_and_no_version(plans: Plans, session: requests.Session) -> None:
    assert session.get(PLANS).status_code == 401
    plans.session.params = {}
    assert plans.session.get(PLANS).status_code == 200


def test_the_emulators_own_operations_are_never_struck(plans: Plans, management: requests.Session) -> None:
    plans.put({"drop": 1})
    preempt = "resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w/clusters/c/preempt"

    assert plans.session.get(PLANS.replace("providers", "PROVIDERS")).status_code == 200
    assert management.post(f"{SUBSCRIPTION}/{preempt}").status_code == 404


def test_a_token_that_expired_by_a_fault_can_still_end_it(plans: Plans) -> None:
    plans.put({"expired-token": 1})
    assert plans.session.get(SUBSCRIPTION).status_code == 401

    assert plans.session.delete(f"{PLANS}/test").status_code == 200


def test_a_scope_leaves_everything_else_alone(plans: Plans, management: requests.Session, endpoint: Endpoint) -> None:
    plans.put({"throttle": 1}, scope={"group": "scoped", "share": "scoped"})
    paths = {"scoped": "resourceGroups/SCOPED", "other": "resourceGroups/other"}
    answers = {name: management.get(f"{SUBSCRIPTION}/{path}").status_code for name, path in paths.items()}
    files = f"{endpoint.file_url}/{endpoint.storage_account}"
    shares = {name: requests.get(f"{files}/{name}", timeout=10).status_code for name in paths}

    assert answers == {"scoped": 429, "other": 404}
    assert shares == {"scoped": 503, "other": 401}
    assert management.get(SUBSCRIPTION).status_code == 200


def test_polls_of_operations_are_in_every_scope(plans: Plans, management: requests.Session) -> None:
    plans.put({"throttle": 1}, scope={"group": "scoped"})

    assert management.get(f"{SUBSCRIPTION}/operationresults/any").status_code == 429


def test_the_same_seed_strikes_the_same_requests(plans: Plans, management: requests.Session) -> None:
    def run(seed: int) -> list[int]:
        plans.put({"throttle": 0.5}, seed=seed, scope={"group": "g"})
        return [management.get(f"{SUBSCRIPTION}/resourceGroups/g").status_code for _ in range(20)]

    first = run(1)

    assert run(1) == first
    assert run(2) != first
    assert set(first) == {429, 404}


@pytest.mark.slow  # it kills an emulator, and starts another
def test_plans_survive_a_killed_emulator_and_that_of_a_start_does_not(
    tmp_path: Path, sign_in: Callable[[Endpoint], requests.Session]
) -> None:
    directory = tmp_path / "data"
    first = start_detached(Options(directory, faults=parse_faults(["slow=0.1"], 3)))
    with sign_in(first) as session:
        session.put(f"{PLANS}/kept", json={"seed": 1, "faults": {"throttle": {"rate": 1, "times": 2}}})
        assert [session.get(SUBSCRIPTION).status_code for _ in range(1)] == [429]
        assert [plan["name"] for plan in session.get(PLANS).json()["value"]] == ["kept", "start"]
    process = psutil.Process(first.pid)
    process.kill()
    process.wait()

    second = start_detached(Options(directory))
    try:
        session = requests.Session()
        session.trust_env, session.verify, session.proxies = False, second.ca_path, {"https": second.proxy_url}
        from harness.emulator.owner import owner_token

        session.headers["Authorization"] = f"Bearer {owner_token(second)}"
        (plan,) = session.get(PLANS).json()["value"]
        assert (plan["name"], plan["struck"]) == ("kept", {"throttle": 1})
        session.params = {"api-version": "2021-04-01"}
        assert [session.get(SUBSCRIPTION).status_code for _ in range(2)] == [429, 200]
        session.close()
    finally:
        stop(directory)
