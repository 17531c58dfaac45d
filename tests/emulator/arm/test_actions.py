"""The action, as Azure's roles name it, of a request to Resource Manager."""

import pytest

from harness.emulator.providers.arm.actions import action_of

GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/subscriptions", ""),
        ("GET", "/tenants", ""),
        ("GET", "/subscriptions/s", "Microsoft.Resources/subscriptions/read"),
        ("GET", "/subscriptions/s/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("PUT", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write"),
        ("DELETE", GROUP, "Microsoft.Resources/subscriptions/resourceGroups/delete"),
        ("GET", "/subscriptions/s/operationresults/1", "Microsoft.Resources/subscriptions/operationresults/read"),
        ("GET", "/subscriptions/s/providers", "Microsoft.Resources/subscriptions/providers/read"),
        ("GET", "/subscriptions/s/providers/A.B", "Microsoft.Resources/subscriptions/providers/read"),
        ("POST", "/subscriptions/s/providers/A.B/register", "A.B/register/action"),
        ("PUT", f"{GROUP}/providers/A.B/workspaces/w", "A.B/workspaces/write"),
        ("GET", f"{GROUP}/providers/A.B/workspaces/w/jobs", "A.B/workspaces/jobs/read"),
        ("POST", f"{GROUP}/providers/A.B/workspaces/w/jobs/j/terminate", "A.B/workspaces/jobs/terminate/action"),
        ("PATCH", f"{GROUP}/providers/A.B/workspaces/providers", "A.B/workspaces/write"),
        (
            "POST",
            "/subscriptions/s/resourceGroups/providers",
            "Microsoft.Resources/subscriptions/resourceGroups/action",
        ),
        ("PUT", "/providers/harness.emulator/faults/f", "harness.emulator/faults/write"),
    ],
)
def test_the_action_is_the_resource_type_and_what_the_method_does(method: str, path: str, action: str) -> None:
    assert action_of(method, path) == action
